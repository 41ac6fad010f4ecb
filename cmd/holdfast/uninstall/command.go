// Package uninstall is the command holdfast uninstall: it ends Holdfast in an
// order in which nothing gets stuck, before its objects are deleted.
//
// What refuses updates goes first: with the webhook configurations there and no
// replica to answer, updates in namespaces "required" would be refused. Then the
// replicas, so that nothing is begun, or made anew, that is ended here. Then what
// is held, each told of on its Deployment, which stays on its stable template;
// then the shares that routes give to canaries; then the runs, and with them their
// canaries, and the finalizers that kept ConfigMaps.
//
// Every step may find its work done, so the command can be run again.
package uninstall

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/cmd/holdfast/cli"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/listing"
)

const about = `holdfast uninstall ends all holds and runs and stops Holdfast, so that it can be
removed. Deployments stay on their stable templates; what was held is printed
and told by an event on each Deployment.

The manifests run it as a Job, Helm as a hook.`

// Options are the flags of the command.
type Options struct {
	namespace     string
	deployment    string
	webhookConfig string
	timeout       time.Duration
}

// AddFlags declares every flag.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"the namespace Holdfast runs in; default: the environment variable POD_NAMESPACE")
	fs.StringVar(&o.deployment, "deployment", "holdfast", "the Deployment of Holdfast, which is scaled to zero")
	fs.StringVar(&o.webhookConfig, "webhook-configuration", "holdfast", "the webhook configurations, mutating and validating, which are deleted")
	// Twice, for the Job tries again, is less than the five minutes that Helm waits: it shall print
	// why, not that it waited.
	fs.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long all of it may take")
}

// Command is the command holdfast uninstall.
func Command() *cobra.Command {
	var o Options
	c := &cobra.Command{
		Use:   "uninstall",
		Short: "end all holds and stop, before Holdfast is removed",
		Long:  about,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.namespace == "" {
				return &cli.Error{Code: cli.Wrong, Err: errors.New("--namespace is empty; set it, or the environment variable POD_NAMESPACE")}
			}
			ctrl.SetLogger(zap.New()) // the client's
			ctx, cancel := context.WithTimeout(c.Context(), o.timeout)
			defer cancel()
			return o.run(ctx, c.OutOrStdout())
		},
	}
	o.AddFlags(c.Flags())
	cli.Explain(c, cli.Wrong)
	return c
}

func (o *Options) run(ctx context.Context, out io.Writer) error {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 50, 100
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	lists, err := listing.NewServer(config, http, c.RESTMapper())
	if err != nil {
		return err
	}
	// Without a key: the Secret may be lost, and of a record that a tenant wrote comes a route that it could
	// write.
	router := traffic.Router{Writer: c, Live: struct {
		client.Reader
		*listing.Server
	}{c, lists}}
	everyone := func(string, string) bool { return true }
	takeOff := func(ctx context.Context) ([]string, error) { return router.TakeOff(ctx, "", everyone) }
	return (&ending{Client: c, options: *o, out: out, now: time.Now, takeOff: takeOff}).end(ctx)
}
