package plans

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestAPlanInAnnotations(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	inline := []string{
		"holdfast.dev/period: 6s",
		`metric.holdfast.dev/scraped: 'count(up{ {{canary}} }) in [1, 1]'`,
	}
	run := s.NewestRun(s.Must("apply", "-f", "-", shop.Annotate(s.Web("v2"), inline...)))
	if len(run.Spec.Plan.Analysis.Metrics) != 1 || run.Spec.Plan.Analysis.Period.Duration.String() != "6s" {
		t.Errorf("the plan of the run is %+v", run.Spec.Plan)
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

func TestAMistakeInAnnotationsIsRefusedWithItsPosition(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	for annotation, position := range map[string]string{
		`metric.holdfast.dev/errors: 'sum(rate(x[1m]) in [0, 1]'`: "line 1, column",
		`metric.holdfast.dev/errors: 'up in [0 1]'`:               "line 1, column",
		`holdfast.dev/period: soon`:                               "column 1",
	} {
		_, stderr, code := s.Kubectl("apply", "-f", "-", shop.Annotate(s.Web("v2"), annotation))
		if code == 0 || !strings.Contains(stderr, position) {
			t.Errorf("%s: exit code %d, kubectl says:\n%s", annotation, code, stderr)
		}
	}
	s.WantImage("v1")
}

func TestAnImageInAnAnnotation(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`), NoLoad: true})
	said := s.Must("annotate", "deployment", "web", "holdfast.dev/canary-image=holdfast.test/app:v2", "holdfast.dev/canary-container=app")
	run := s.NewestRun(said)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	if said := s.Must("annotate", "--overwrite", "deployment", "web", "holdfast.dev/canary-image=holdfast.test/app:v3"); !strings.Contains(said, "update held") {
		t.Errorf("another image: kubectl says:\n%s", said)
	}
	if _, stderr, code := s.Kubectl("annotate", "--overwrite", "deployment", "web", "holdfast.dev/canary-container=none"); code == 0 || !strings.Contains(stderr, `"app"`) {
		t.Errorf("a container that is not there: exit code %d, kubectl says:\n%s", code, stderr)
	}
}

// TestDefaultsAreTheSameHereAndThere: a plan in annotations, which never passes
// through the API server, has the defaults of one that does.
func TestDefaultsAreTheSameHereAndThere(t *testing.T) {
	t.Parallel()
	plan := &v1alpha1.CanaryPlan{ObjectMeta: metav1.ObjectMeta{GenerateName: "defaults-", Namespace: "default"}}
	if err := shop.World.Client.Create(t.Context(), plan, client.DryRunAll); err != nil {
		t.Fatal(err)
	}
	var want v1alpha1.CanaryPlanSpec
	want.SetDefaults()
	want.Deadline = nil // it depends on the steps, and is filled in when a run begins
	if diff := cmp.Diff(want, plan.Spec); diff != "" {
		t.Errorf("SetDefaults differs from what the API server fills in (-SetDefaults +API server):\n%s", diff)
	}
}

// TestPlansAreCheckedByTheAPIServer: mistakes are refused in words.
func TestPlansAreCheckedByTheAPIServer(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	for change, want := range map[[2]string]string{
		{"range: {min: 0, max: 0.05}", "range: {min: 1, max: 0}"}: "min must not be greater than max",
		{"range: {min: 0, max: 0.05}", "range: {}"}:               "needs min, max or both",
		{"initialDelay: 3s", "initialDelay: 9s"}:                  "initialDelay must be shorter than period",
		{"interval: 1s", "interval: 1m"}:                          "interval must not be longer than period",
		{"interval: 1s", "interval: 1ms"}:                         "must be at least 1s",
		{"interval: 1s", "interval: often"}:                       "interval",
		{"readyDeadline: 15s", "replicas: 0%"}:                    "from \"1%\" to \"100%\"",
		{"readyDeadline: 15s", "onFailure: Explode"}:              "Explode",
	} {
		_, stderr, code := s.Kubectl("apply", "-f", "-", strings.Replace(shop.QuickPlan, change[0], change[1], 1))
		if code == 0 || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, kubectl says:\n%s", change[1], code, stderr)
		}
	}
	if explained := s.Must("explain", "canaryplan.spec.analysis.failureLimit"); !strings.Contains(explained, "in a row") {
		t.Errorf("kubectl explain says:\n%s", explained)
	}
	run := s.HoldV2()
	if _, stderr, code := s.Kubectl("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"hold":"x"}}`); code == 0 || !strings.Contains(stderr, "cannot be changed") {
		t.Errorf("a run's spec was edited: exit code %d, kubectl says:\n%s", code, stderr)
	}
}
