package evaluatortest

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// Pass reads the probes that are due, reconciles everything once and lets the rest of the cluster act, then a
// second goes by. Errors are those of the writes that were made to fail.
func (c *Cluster) Pass() {
	c.T.Helper()
	ctx := ctrl.LoggerInto(c.T.Context(), logr.Discard())
	c.Evaluator.Probes.ReadDue(ctx)()
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, Request(Namespace, "web")); err != nil && !errors.Is(err, ErrCut) {
		c.T.Fatalf("Deployment: %v", err)
	}
	for _, run := range c.Runs() {
		if err := ReconcileRun(ctx, c.Evaluator, run.Name); err != nil && !errors.Is(err, ErrCut) {
			c.T.Fatalf("run %s: %v", run.Name, err)
		}
	}
	c.act()
	c.Clock.SetTime(c.Clock.Now().Add(time.Second))
}

// Passes are some of Pass.
func (c *Cluster) Passes(n int) {
	c.T.Helper()
	for range n {
		c.Pass()
	}
}

// PassesUntilAsked passes until Prometheus is asked.
func (c *Cluster) PassesUntilAsked() {
	c.T.Helper()
	for n := 0; len(c.Prometheus.Asked) == 0; n++ {
		if n == 30 {
			c.T.Fatalf("nothing was asked: %+v", c.Runs())
		}
		c.Pass()
	}
}

// Late is a pass of an evaluator whose cache shows the cluster as it was.
func (c *Cluster) Late(moment []client.Object) {
	c.T.Helper()
	seen := indexed(fake.NewClientBuilder().WithScheme(Scheme())).WithStatusSubresource(&v1alpha1.CanaryRun{}).WithObjects(moment...).Build()
	old := evaluator.New(evaluator.Options{Key: Key, Prometheus: &PrometheusStub{Answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}}}, Clock: c.Clock},
		Trimming{seen}, c.Evaluator.Runs.Objects.Live, c.writer, c)
	ctx := ctrl.LoggerInto(c.T.Context(), logr.Discard())
	if _, err := old.Deployments.Reconcile(ctx, Request(Namespace, "web")); err != nil {
		c.T.Errorf("Deployment: %v", err)
	}
	for _, run := range c.Runs() {
		if err := ReconcileRun(ctx, old, run.Name); err != nil {
			c.T.Errorf("run: %v", err)
		}
	}
}

// ReconcileRun looks at a run, and again when a round that was asked for is measured, or a hook has answered,
// or at once where that is wanted.
func ReconcileRun(ctx context.Context, e *evaluator.Evaluator, name string) error {
	for range 100 {
		result, err := e.Runs.Reconcile(ctx, Request(Namespace, name))
		if done := e.Runs.Measured(types.NamespacedName{Namespace: Namespace, Name: name}); done != nil {
			<-done
			continue
		}
		if done := e.Runs.Hooks.Done(types.NamespacedName{Namespace: Namespace, Name: name}); done != nil {
			<-done
			continue
		}
		if err != nil || result.RequeueAfter != time.Millisecond {
			return err
		}
	}
	return nil
}

// Request asks for an object to be looked at.
func Request(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}
