package evaluator

import (
	"context"
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/protect"
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
	Endpoints measure.Endpoints
	// Clock tells the time; the system's if nil.
	Clock clock.PassiveClock
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
	// RewriteStatus says that the webhook rewrites the status of Deployments;
	// what was stored without it is put right.
	RewriteStatus bool
}

// SetupWithManager adds the evaluator's controllers to a manager, whose cache
// must have been made with CacheOptions. They look at nothing while another replica leads.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
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
	e := newEvaluator(o, mgr.GetCache(), live, mgr.GetClient(), mgr.GetEventRecorder("holdfast"))
	o.Leadership.OnBegin(func(context.Context) { e.beginTerm() })
	if err := e.watchDeployments(mgr, o); err != nil {
		return fmt.Errorf("controller of Deployments: %w", err)
	}
	if err := e.watchRuns(mgr, o); err != nil {
		return fmt.Errorf("controller of CanaryRuns: %w", err)
	}
	return protect.SetupWithManager(mgr, protect.Options{
		Cached: mgr.GetCache(), Live: live, Writer: mgr.GetClient(), Recorder: mgr.GetEventRecorder("holdfast"),
		Plan: func(ctx context.Context, d *unstructured.Unstructured) (plan.Resolved, error) {
			return e.resolvePlan(ctx, deployment{d})
		},
		Leadership: o.Leadership, Clock: e.clock, Controller: options(o),
	})
}

// evaluator is what both reconcilers work with.
type evaluator struct {
	cached client.Reader  // what is watched
	live   listing.Reader // the API server itself
	writer client.Client

	key       hold.Key
	endpoints measure.Endpoints
	clock     clock.PassiveClock
	history   int
	// maxRuns is Options.MaxRuns; places keeps two runs from taking one place.
	maxRuns int
	places  sync.Mutex
	// rewritesStatus is Options.RewriteStatus.
	rewritesStatus bool
	announce       announcer
	metrics        *Metrics
	// wake has a run looked at.
	wake func(types.NamespacedName)

	// What is known of the term in which this replica leads.
	warned warnings
	skips  skips
	// untried are told as skips are.
	untried skips
	rounds  *measure.Rounds
	stable  stableMemory
	looks   looks
}

func newEvaluator(o Options, cached client.Reader, live listing.Reader, writer client.Client, recorder events.EventRecorder) *evaluator {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	if o.HistoryLimit <= 0 {
		o.HistoryLimit = 10
	}
	if o.Endpoints == nil {
		only := measure.Endpoint{Querier: o.Prometheus, Labels: query.Labels{Namespace: o.NamespaceLabel, Pod: o.PodLabel}}
		o.Endpoints = func(string, string, []string) (measure.Endpoint, error) { return only, nil }
	}
	metrics := NewMetrics(o.Registerer)
	metrics.phases.runs, metrics.overtaken.objects = cached, cached
	e := &evaluator{
		cached: cached, live: live, writer: writer,
		key: o.Key, endpoints: o.Endpoints, clock: o.Clock, history: o.HistoryLimit,
		rewritesStatus: o.RewriteStatus, maxRuns: o.MaxRuns,
		announce: announcer{recorder},
		metrics:  metrics,
		wake:     func(types.NamespacedName) {},
	}
	e.beginTerm()
	return e
}

// beginTerm forgets what was known in the last one: another replica has led meanwhile.
func (e *evaluator) beginTerm() {
	e.warned, e.rounds = warnings{}, measure.NewRounds()
	e.skips, e.untried = skips{since: e.clock.Now()}, skips{since: e.clock.Now()}
	e.stable.reset()
	e.rounds.Wake = func(run types.NamespacedName) { e.wake(run) }
}
