// Package uninstall is the command holdfast uninstall: it ends Holdfast in an
// order in which nothing gets stuck, before its objects are deleted.
//
// What refuses updates goes first: with the webhook configurations there and no
// replica to answer, updates in namespaces "required" would be refused. Then the
// replicas, so that nothing is begun, or made anew, that is ended here. Then what
// is held, each told of on its Deployment, which stays on its stable template;
// then the runs, and with them their canaries.
//
// Every step may find its work done, so the command can be run again.
package uninstall

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// About says what the command does.
const About = `holdfast uninstall ends all holds and runs and stops Holdfast, so that it can be
removed. Deployments stay on their stable templates; what was held is printed
and told by an event on each Deployment.

The manifests run it as a Job, Helm as a hook.

`

// Options are the flags of the command.
type Options struct {
	namespace     string
	deployment    string
	webhookConfig string
	timeout       time.Duration
}

// AddFlags declares every flag.
func (o *Options) AddFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"the namespace Holdfast runs in; default: the environment variable POD_NAMESPACE")
	fs.StringVar(&o.deployment, "deployment", "holdfast", "the Deployment of Holdfast, which is scaled to zero")
	fs.StringVar(&o.webhookConfig, "webhook-configuration", "holdfast", "the webhook configurations, mutating and validating, which are deleted")
	// Twice, for the Job tries again, is less than the five minutes that Helm waits: it shall print why, not that it waited.
	fs.DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long all of it may take")
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, args []string, out, problems io.Writer) int {
	var o Options
	fs := flag.NewFlagSet("holdfast uninstall", flag.ContinueOnError)
	fs.SetOutput(problems)
	fs.Usage = func() {
		fmt.Fprint(fs.Output(), About)
		fs.PrintDefaults()
	}
	o.AddFlags(fs)
	if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2
	}
	if o.namespace == "" {
		fmt.Fprintln(problems, "holdfast uninstall: --namespace is empty; set it, or the environment variable POD_NAMESPACE")
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if err := o.run(ctx, out); err != nil {
		fmt.Fprintln(problems, "holdfast uninstall:", err)
		return 1
	}
	return 0
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
	return (&ending{Client: c, options: *o, out: out, now: time.Now}).end(ctx)
}
