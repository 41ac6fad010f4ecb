package evaluator

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/deployments"
	"holdfast.dev/holdfast/evaluator/gates"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/notify"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/planqueries"
	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/evaluator/protect"
	"holdfast.dev/holdfast/evaluator/runs"
	"holdfast.dev/holdfast/evaluator/runs/act"
	"holdfast.dev/holdfast/evaluator/runs/around"
	"holdfast.dev/holdfast/evaluator/runs/checkpoint"
	"holdfast.dev/holdfast/evaluator/runs/gather"
	"holdfast.dev/holdfast/evaluator/runs/stablepods"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/query"
)

// Options are the settings of the evaluator.
type Options struct {
	// Key opens held records.
	Key hold.Key
	// Leadership says when this replica evaluates.
	Leadership *leadership.Elector
	// Prometheus answers the queries of all plans, where Endpoints is nil.
	Prometheus measure.Querier
	// Endpoints finds who answers the queries of a plan.
	Endpoints measure.EndpointFunc
	// DialProbe makes connections to the probes of pods; the system's if nil.
	DialProbe probes.DialFunc
	// Clock tells the time; the system's if nil.
	Clock clock.PassiveClock
	// Notifications tells receivers outside of the cluster; nobody if nil.
	Notifications *notify.Outbox
	// Hooks are what an administrator says of the hooks of plans.
	Hooks gates.Settings
	// Registerer takes the evaluator's metrics; none are registered if nil.
	Registerer prometheus.Registerer
	// NamespaceLabel and PodLabel are the labels by which Prometheus knows a
	// pod, where Endpoints is nil; "namespace" and "pod" if empty.
	NamespaceLabel, PodLabel string
	// MaxConcurrentReconciles is how many runs are worked on at once, not counting
	// those that wait for Prometheus; 1 if zero.
	MaxConcurrentReconciles int
	// HistoryLimit is how many ended runs of a Deployment are kept; 10 if zero.
	HistoryLimit int
	// MaxRuns is how many runs of the cluster may have a canary at once; 0 is no limit.
	MaxRuns int
	// WriteBudget is how many statuses are written a second in which nothing is new but good rounds;
	// lifecycle.DefaultWriteBudget if zero.
	WriteBudget lifecycle.WriteBudget
	// ProbeImage is the image of Holdfast, for the sidecar that measures requests; without it no pod has one.
	ProbeImage string
	// RewriteStatus says that the webhook rewrites the status of Deployments;
	// what was stored without it is put right.
	RewriteStatus bool
}

// SetupWithManager adds the evaluator's controllers to a manager, whose cache
// must have been made with objects.CacheOptions. They look at nothing while another replica leads.
func SetupWithManager(ctx context.Context, mgr ctrl.Manager, o Options) error {
	if len(o.Key) != hold.KeySize {
		return fmt.Errorf("evaluator: want a sealing key of %d bytes, got %d", hold.KeySize, len(o.Key))
	}
	lists, err := listing.NewServer(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetRESTMapper())
	if err != nil {
		return fmt.Errorf("evaluator: %w", err)
	}
	live := struct {
		client.Reader
		*listing.Server
	}{mgr.GetAPIReader(), lists}
	if err := objects.AddIndexes(ctx, mgr.GetFieldIndexer()); err != nil {
		return fmt.Errorf("evaluator: %w", err)
	}
	e := New(o, mgr.GetCache(), live, mgr.GetClient(), mgr.GetEventRecorder("holdfast"))
	o.Leadership.OnBegin(func(context.Context) { e.beginTerm() })
	if err := mgr.Add(e.Probes); err != nil {
		return fmt.Errorf("evaluator: %w", err)
	}
	if err := e.Deployments.Setup(mgr, o.Leadership, controllerOptions(mgr, o, "deployment")); err != nil {
		return fmt.Errorf("controller of Deployments: %w", err)
	}
	if err := e.Runs.Setup(mgr, o.Leadership, controllerOptions(mgr, o, "run")); err != nil {
		return fmt.Errorf("controller of CanaryRuns: %w", err)
	}
	queries := &planqueries.Reconciler{
		Objects: e.Runs.Objects, Writer: mgr.GetClient(), Endpoints: o.Endpoints, Pods: e.Runs.Gatherer.Stable.Now, Clock: e.Deployments.Clock,
	}
	if err := queries.Setup(mgr, o.Leadership, controllerOptions(mgr, o, "plan")); err != nil {
		return fmt.Errorf("controller of the queries of plans: %w", err)
	}
	sweeper := &traffic.Sweeper{Router: traffic.Router{Live: live, Writer: mgr.GetClient(), Key: o.Key}, Runs: mgr.GetAPIReader()}
	if err := sweeper.Setup(mgr, o.Leadership, controllerOptions(mgr, o, "routes")); err != nil {
		return fmt.Errorf("controller of routes: %w", err)
	}
	return protect.SetupWithManager(mgr, protect.Options{
		Cached: mgr.GetCache(), Live: live, Writer: mgr.GetClient(), Recorder: mgr.GetEventRecorder("holdfast"),
		Plans: func(namespace string) protect.PlanFunc {
			plans := e.Deployments.Objects.PlansOf(namespace)
			return func(ctx context.Context, d *unstructured.Unstructured) (plan.Resolved, error) {
				return plans.Resolve(ctx, objects.Deployment{Unstructured: d})
			}
		},
		Leadership: o.Leadership, Clock: e.Deployments.Clock, Controller: controllerOptions(mgr, o, "name"),
	})
}

// Evaluator is both reconcilers, and what reads the probes of runs under way.
type Evaluator struct {
	Probes      *probes.Reader
	Deployments *deployments.Reconciler
	Runs        *runs.Reconciler
}

// New makes both, out of what they stand on; SetupWithManager has them work.
func New(o Options, cached client.Reader, live listing.Lister, writer client.Client, recorder events.EventRecorder) *Evaluator {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.WriteBudget <= 0 {
		o.WriteBudget = lifecycle.DefaultWriteBudget
	}
	if o.HistoryLimit <= 0 {
		o.HistoryLimit = 10
	}
	if o.Endpoints == nil {
		only := measure.Endpoint{Querier: o.Prometheus, Labels: query.Labels{Namespace: o.NamespaceLabel, Pod: o.PodLabel}}
		o.Endpoints = func(string, string, []string) (measure.Endpoint, error) { return only, nil }
	}
	reader, metrics := &objects.Reader{Cached: cached, Live: live, Key: o.Key}, tell.NewMetrics(o.Registerer, cached, o.Clock.Now)
	teller := tell.Tellers{tell.Events{Recorder: recorder}}
	if o.Notifications != nil {
		teller = append(teller, o.Notifications)
	}
	router := &traffic.Router{Live: live, Writer: writer, Key: o.Key}
	memory := &checkpoint.Memory{Budget: o.WriteBudget}
	ofProbes := probes.New(probes.Options{Clock: o.Clock, Dial: o.DialProbe, Metrics: probes.NewMetrics(o.Registerer)})
	e := &Evaluator{
		Probes: ofProbes,
		Deployments: &deployments.Reconciler{
			Objects: reader, Writer: writer, Clock: o.Clock, Teller: teller, Metrics: metrics,
			History: o.HistoryLimit, RewritesStatus: o.RewriteStatus,
			Made: func(run *v1alpha1.CanaryRun) { memory.Made(run, o.Clock.Now()) },
		},
		Runs: &runs.Reconciler{
			Objects: reader, Writer: writer, Teller: teller, Metrics: metrics,
			Gatherer: &gather.Gatherer{
				Objects: reader, Writer: writer, Clock: o.Clock, Endpoints: o.Endpoints, MaxRuns: o.MaxRuns,
				Stable: &stablepods.Finder{Objects: reader, Clock: o.Clock},
				Looks:  &around.Looks{Objects: reader},
				Router: router, ProbeImage: o.ProbeImage,
				Probes: ofProbes,
			},
			Memory:   memory,
			Hooks:    gates.New(o.Hooks, gates.NewMetrics(o.Registerer), o.Clock),
			Executor: &act.Executor{Objects: reader, Writer: writer, Router: router},
			Wake:     func(types.NamespacedName) {},
		},
	}
	e.Runs.Hooks.Wake = func(run types.NamespacedName) { e.Runs.Wake(run) }
	if o.Notifications != nil {
		o.Notifications.OnDelivered(func(run types.NamespacedName) { e.Runs.Wake(run) })
	}
	metrics.Stretch = e.Runs.Stretch
	metrics.StatusAge = func() time.Duration { return e.Runs.Memory.Age(o.Clock.Now()) }
	e.beginTerm()
	return e
}

// beginTerm forgets what was known in the last one: another replica has led meanwhile.
func (e *Evaluator) beginTerm() {
	e.Deployments.BeginTerm()
	e.Runs.BeginTerm()
}

// controllerOptions fill the caches of every replica, also of those that do not lead, so
// that one that takes over goes on at once. Namespaces take turns at the workers.
func controllerOptions(mgr ctrl.Manager, o Options, kind string) controller.Options {
	return controller.Options{
		MaxConcurrentReconciles: o.MaxConcurrentReconciles, NeedLeaderElection: new(bool), NewQueue: newWorkQueue, LogConstructor: logger(mgr, kind),
	}
}

func logger(mgr ctrl.Manager, kind string) func(*reconcile.Request) logr.Logger {
	log := mgr.GetLogger().WithName("evaluator")
	return func(req *reconcile.Request) logr.Logger {
		if req == nil {
			return log
		}
		return log.WithValues("namespace", req.Namespace, kind, req.Name)
	}
}
