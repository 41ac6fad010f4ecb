package app

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/spf13/pflag"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/page/entrance"
	"holdfast.dev/holdfast/internal/page/past"
	"holdfast.dev/holdfast/webhook/demand"
)

// pageOptions are the flags about the page.
type pageOptions struct{ address string }

func (o *pageOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.address, "page-bind-address", noAddress,
		"where the page with all runs is served, by TLS with the webhook's certificate, for example :9096, to who shows a token of the API server; "+noAddress+" turns it off")
}

// addPage has a manager serve the page, where a flag says so.
func addPage(ctx context.Context, mgr ctrl.Manager, o Options, certificate certificates, endpoints *promql.Endpoints) error {
	if o.page.address == "" || o.page.address == noAddress {
		return nil
	}
	door, err := entrance.New(mgr.GetConfig(), clock.RealClock{})
	if err != nil {
		return err
	}
	informer, err := mgr.GetCache().GetInformer(ctx, &v1alpha1.CanaryRun{})
	if err != nil {
		return fmt.Errorf("watch runs: %w", err)
	}
	board, ready := page.NewBoard(), make(chan struct{})
	synced, err := board.Follow(informer)
	if err != nil {
		return err
	}
	if err := mgr.Add(everyReplica(func(ctx context.Context) error {
		if toolscache.WaitForCacheSync(ctx.Done(), synced) {
			close(ready)
		}
		return nil
	})); err != nil {
		return err
	}
	policies := demand.Policies{Reader: mgr.GetClient()}
	earlier := past.New(past.Options{
		Endpoints: measure.EndpointsOf(endpoints), Clock: clock.RealClock{},
		Matchers: func(ctx context.Context, namespace string) ([]string, error) {
			demands, err := policies.ForNamespace(ctx, namespace)
			return demands.MatcherTexts(), err //nolint:wrapcheck // it says what was read
		},
	})
	return mgr.Add(&page.Server{
		Address: o.page.address, TLS: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.GetCertificate},
		Handler: page.Handler(page.Options{
			Door: door, Board: board, Clock: clock.RealClock{}, Ready: ready, Past: earlier, Metrics: page.NewMetrics(metrics.Registry),
		}),
	})
}

// everyReplica is a runnable of replicas that do not evaluate, too.
type everyReplica func(context.Context) error

var _ manager.LeaderElectionRunnable = everyReplica(nil)

// Start implements manager.Runnable.
func (f everyReplica) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (f everyReplica) NeedLeaderElection() bool { return false }
