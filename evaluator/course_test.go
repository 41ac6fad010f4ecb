package evaluator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
)

func TestAGoodCanaryIsReleased(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Hold()
	c.Passes(20)
	run := c.Run()
	if run.Status.Phase != v1alpha1.PhaseReleased || evaluatortest.Image(c.Deployment()) != "v2" || c.Canaries() != 0 {
		t.Errorf("run %s (%s), Deployment at %s, %d canaries", run.Status.Phase, run.Status.Message, evaluatortest.Image(c.Deployment()), c.Canaries())
	}
	c.WantEvents("Held", "Passed", "Released", "RolledOut")
	want := `sum(rate(errors_total{ namespace="shop",pod=~"` + run.Name + `-x", service="web" }[2s])) / sum(rate(errors_total{ namespace="shop",pod=~"web-1-(?:a|b|c)" }[1m]))`
	if diff := cmp.Diff(want, c.Prometheus.Asked[0]); diff != "" {
		t.Errorf("query:\n%s", diff)
	}
	if got := len(c.Prometheus.Asked); got != 6 || run.Status.Measured != 6 {
		t.Errorf("asked %d times, counted %d, want 6", got, run.Status.Measured)
	}
	columns := []string{run.Status.Service, run.Status.Scale, run.Status.Traffic, run.Status.Validation, run.Status.Duration}
	if diff := cmp.Diff([]string{"web", "1/1", "service", "12/12", "10s/10s"}, columns); diff != "" {
		t.Errorf("columns:\n%s", diff)
	}
}

func TestABadCanaryIsReverted(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Prometheus.Answer.Series[0].Value = 0.2
	c.Hold()
	c.Passes(20)
	run, d := c.Run(), c.Deployment()
	if run.Status.Phase != v1alpha1.PhaseReverted || run.Status.Verdict != v1alpha1.VerdictFail || evaluatortest.Image(d) != "v1" || c.Canaries() != 0 {
		t.Errorf("run %s %s, Deployment at %s, %d canaries", run.Status.Phase, run.Status.Verdict, evaluatortest.Image(d), c.Canaries())
	}
	if held := d.Annotations[v1alpha1.HeldAnnotation]; held != "" {
		t.Errorf("the record is still there: %s", held)
	}
	memory, err := hold.ParseRejected(d.Annotations[v1alpha1.RejectedAnnotation], c.Deployment().UID)
	if err != nil {
		t.Fatal(err)
	}
	want := hold.Rejected{{Hash: evaluatortest.HashOf(t, "v2"), UID: "uid-web", Run: run.Name, Reason: "MetricOutOfRange"}}
	if diff := cmp.Diff(want, memory, cmpopts.IgnoreFields(hold.Rejection{}, "At", "Message")); diff != "" {
		t.Errorf("memory:\n%s", diff)
	}
	if !strings.HasPrefix(memory[0].Message, "metric errors: 0.2 is above max 0.05 (range [0, 0.05]); failed 3 times in a row") {
		t.Errorf("message %q", memory[0].Message)
	}
	if failed := d.Annotations[v1alpha1.FailedAnnotation]; failed != string(want[0].Hash) {
		t.Errorf("tools that wait are to see the failure of %q", failed)
	}
	c.WantEvents("Held", "MeasurementFailed", "Reverted")
}

func TestWithoutPrometheusNothingIsReleased(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Prometheus.Answer = analysis.Answer{Error: "down"}
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseRunning || run.Status.Verdict != "" {
		t.Errorf("run %s %s (%s)", run.Status.Phase, run.Status.Verdict, run.Status.Message)
	}
	c.Prometheus.Answer = analysis.Answer{Series: []analysis.Series{{Value: 0}}}
	c.Passes(10)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || run.Status.Overtime == 0 {
		t.Errorf("run %s, overtime %d", run.Status.Phase, run.Status.Overtime)
	}
	c.WantEvents("Held", "MeasurementError", "Passed", "Released", "RolledOut")
}

func TestACanaryThatIsNeverReadyIsReverted(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Sick = true
	c.Hold()
	c.Passes(30)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReverted || run.Status.Reason != v1alpha1.ReasonNotReady {
		t.Errorf("run %s %s (%s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	c.WantEvents("Held", "Reverted")
}

func TestAReleaseThatIsRefusedReverts(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Reject = apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "web",
		errors.New("images cannot be latest")) // any words but those of RBAC
	c.Hold()
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReverted || run.Status.Reason != v1alpha1.ReasonReleaseRefused {
		t.Errorf("run %s %s (%s)", run.Status.Phase, run.Status.Reason, run.Status.Message)
	}
	c.WantEvents("Held", "Passed", "ReleaseRefused", "Reverted")
}

func TestAReleaseIsSentAgainWhenTheWebhookWasDown(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.WebhookDown = true
	c.Hold()
	c.Passes(30)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleasing || evaluatortest.Image(c.Deployment()) != "v1" {
		t.Errorf("run %s, Deployment at %s", run.Status.Phase, evaluatortest.Image(c.Deployment()))
	}
	c.WebhookDown = false
	c.Passes(5)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || c.Releases != 1 {
		t.Errorf("run %s, %d releases", run.Status.Phase, c.Releases)
	}
}

func TestARunWaitsForTheDeploymentsOwnRollout(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	set := func(available int32) {
		rs := &appsv1.ReplicaSet{}
		c.Must(c.API.Get(t.Context(), types.NamespacedName{Namespace: evaluatortest.Namespace, Name: "web-1"}, rs))
		rs.Status.AvailableReplicas = available
		c.Must(c.API.Status().Update(t.Context(), rs))
	}
	set(1)
	c.Hold()
	c.Passes(3)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseWaiting || c.Canaries() != 0 || !strings.Contains(run.Status.Message, "1 of 3 pods are available") {
		t.Errorf("run %s (%s), %d canaries", run.Status.Phase, run.Status.Message, c.Canaries())
	}
	set(3)
	c.Passes(2)
	if c.Canaries() != 1 {
		t.Errorf("%d canaries", c.Canaries())
	}
}

// Killed at any write, or cut off from its answer, the evaluator comes to the
// same end: the same verdict, one canary, one release, each round counted once.
func TestCutOffAtAnyWrite(t *testing.T) {
	for name, prepare := range map[string]func(*evaluatortest.Cluster){
		"released": func(*evaluatortest.Cluster) {},
		"reverted": func(c *evaluatortest.Cluster) { c.Prometheus.Answer.Series[0].Value = 1 },
		"refused": func(c *evaluatortest.Cluster) {
			c.Reject = apierrors.NewBadRequest("admission webhook denied the request")
		},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				course := func(failAt int) *evaluatortest.Cluster {
					c := evaluatortest.NewCluster(t)
					prepare(c)
					c.FailAt, c.Lost = failAt, lost
					c.Hold()
					c.Passes(18)
					return c
				}
				want := course(0)
				if want.Created != 1 || want.Writes < 10 || !want.Run().Status.Phase.Ended() {
					t.Fatalf("undisturbed: %d canaries, %d writes: %+v", want.Created, want.Writes, summary(want))
				}
				for failAt := range evaluatortest.Cuts(want.Writes) {
					got := course(failAt)
					if diff := cmp.Diff(summary(want), summary(got)); diff != "" {
						t.Errorf("write %d of %d, answer lost %t: -want +got:\n%s", failAt, want.Writes, lost, diff)
					}
				}
			})
		}
	}
}

type end struct {
	Phase, Verdict, Reason string
	Image                  string
	Annotations            []string
	Canaries, Created      int
	Releases               int
}

func summary(c *evaluatortest.Cluster) end {
	c.T.Helper()
	run, d := c.Run(), c.Deployment()
	var annotations []string
	for k := range d.Annotations {
		annotations = append(annotations, k)
	}
	slices.Sort(annotations)
	for _, m := range run.Status.Metrics {
		if m.Passed+m.Failed+m.Errors+m.NoData != run.Status.Measured {
			c.T.Errorf("metric %s is counted otherwise than %d times: %+v", m.Name, run.Status.Measured, m)
		}
		times := map[metav1.Time]bool{}
		for _, measurement := range m.Last {
			if times[measurement.Time] {
				c.T.Errorf("metric %s was counted twice at %s", m.Name, measurement.Time)
			}
			times[measurement.Time] = true
		}
	}
	return end{
		string(run.Status.Phase), string(run.Status.Verdict), run.Status.Reason, evaluatortest.Image(d), annotations,
		c.Canaries(), c.Created, c.Releases,
	}
}
