package evaluator_test

import (
	"slices"
	"testing"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// TestRequestsOfAStart: what the evaluator asks of the API server from a hold until the canary is measured,
// where its pods start quickly. Whoever adds to it makes each update cost more.
func TestRequestsOfAStart(t *testing.T) {
	most := 0.05
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(v1alpha1.Metric{Name: "errors", Query: "sum(errors_total{ {{canary}} })", Range: v1alpha1.Range{Max: &most}})
	c.Hold()
	for c.Passes(1); c.Run().Status.Phase != v1alpha1.PhaseRunning; c.Passes(1) {
	}
	want := []string{
		"get Namespace", "get CanaryPlan", // a run takes its plan for good, so it is asked for now
		"create CanaryRun",
		"list ReplicaSet",              // is the Deployment rolled out?
		"list Service",                 // who sends the canary requests, and who sends the stable pods none?
		"get Deployment",               // what does the stable template name that must be there?
		"create ReplicaSet",            //
		"list HorizontalPodAutoscaler", // of a namespace, every ten seconds
		"get Pod",                      // is it what the template says?
		"patch status of CanaryRun",    // with all that happened
		"create Event",                 // that tells it
	}
	if diff := cmp.Diff(want, c.Requests); diff != "" {
		t.Errorf("requests, -want +got:\n%s", diff)
	}
	if sent := evaluatortest.Sent(c.Requests); len(sent) > 4 {
		t.Errorf("%d of them are sent: %q", len(sent), sent)
	}
}

// TestRequestsOfASlowStart: where pods take longer than some seconds it is said that they start.
func TestRequestsOfASlowStart(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Sick = true
	c.Hold()
	c.Passes(3)
	if run := c.Run(); run.Status.Phase != "" || len(c.Events) != 0 || c.Canaries() != 1 {
		t.Errorf("after three seconds the run is %q and there are %d canaries: %q", run.Status.Phase, c.Canaries(), c.Events)
	}
	c.Passes(5)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseStarting || run.Status.Step.StartedAt.Sub(evaluatortest.Noon) > 0 {
		t.Errorf("then it is %q: %+v", run.Status.Phase, run.Status.Step)
	}
	c.WantEvents("Held")
	if sent := evaluatortest.Sent(c.Requests); len(sent) != 4 {
		t.Errorf("sent was %q", sent)
	}
}

// TestKilledWhileItsPodsStart: who goes on finds the canary, makes no second one, and tells what nobody was
// told.
func TestKilledWhileItsPodsStart(t *testing.T) {
	for kill := range 6 {
		c := evaluatortest.NewCluster(t)
		c.Hold()
		c.Sick = true
		c.Passes(kill)
		c.Another(nil)
		c.Passes(1)
		c.Sick = false
		c.Must(c.API.Delete(t.Context(), c.CanaryPod()))
		c.Passes(20)
		if got := summary(c); got.Phase != string(v1alpha1.PhaseReleased) || got.Created != 1 {
			t.Errorf("killed after %d s: %+v", kill, got)
		}
		c.WantEvents("Held", "Passed", "Released", "RolledOut")
	}
}

// TestAnEvaluatorThatDidNotMakeTheRunLooksAtItFirst, before it makes a canary: its cache may show what is
// long over.
func TestAnEvaluatorThatDidNotMakeTheRunLooksAtItFirst(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	ctx := ctrl.LoggerInto(t.Context(), logr.Discard())
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, evaluatortest.Request(evaluatortest.Namespace, "web")); err != nil {
		t.Fatal(err)
	}
	c.Another(nil)
	c.Requests = nil
	c.Passes(1)
	made := slices.Index(c.Requests, "create ReplicaSet")
	if made < 0 || !slices.Contains(c.Requests[:made], "get CanaryRun") {
		t.Errorf("its requests were %q", c.Requests)
	}
}
