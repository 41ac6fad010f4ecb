package runs_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

func TestARunByHandLivesBesideTheDeployment(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.ByHand("mine", func(*v1alpha1.CanaryRunSpec) {})
	c.Passes(5)
	run, rs := c.RunNamed("mine"), c.ReplicaSet("mine")
	if run.Status.Phase != v1alpha1.PhaseRunning || run.Status.Reason != v1alpha1.ReasonUnjudged || run.Status.Service != "web" {
		t.Errorf("the run is %s/%s (%s) at Service %q", run.Status.Phase, run.Status.Reason, run.Status.Message, run.Status.Service)
	}
	if rs == nil || rs.Spec.Template.Spec.Containers[0].Image != "v7" || rs.Labels["app"] != "" {
		t.Fatalf("its ReplicaSet is %+v", rs)
	}
	labels := rs.Spec.Template.Labels
	if labels["app"] != "web" || labels[v1alpha1.CanaryPodLabel] != "true" || labels[v1alpha1.RoleLabel] != v1alpha1.RoleCanary || labels[v1alpha1.RunLabel] != "mine" {
		t.Errorf("its pods have labels %v", labels)
	}
	if evaluatortest.Image(c.Deployment()) != "v1" {
		t.Errorf("the Deployment runs %s", evaluatortest.Image(c.Deployment()))
	}
	c.Edit("mine", func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionPromote })
	c.Passes(2)
	if run := c.RunNamed("mine"); run.Status.Phase != v1alpha1.PhasePassed || c.Canaries() != 0 || evaluatortest.Image(c.Deployment()) != "v1" {
		t.Errorf("promoted, the run is %s, there are %d canaries, and the Deployment runs %s", run.Status.Phase, c.Canaries(), evaluatortest.Image(c.Deployment()))
	}
}

// TestANameForOthersIsNotTheServiceOfARun, whatever its selector says (kubernetes/kubernetes#105986).
func TestANameForOthersIsNotTheServiceOfARun(t *testing.T) {
	c := evaluatortest.NewCluster(t, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: evaluatortest.Namespace, Name: "a"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "old.example.com", Selector: map[string]string{"app": "web"}},
	})
	c.ByHand("mine", func(*v1alpha1.CanaryRunSpec) {})
	c.Passes(5)
	if run := c.RunNamed("mine"); run.Status.Service != "web" {
		t.Errorf("the run is at Service %q", run.Status.Service)
	}
}

func TestARunByHandOfAWholeTemplate(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.ByHand("mine", func(s *v1alpha1.CanaryRunSpec) {
		s.Containers = nil
		s.Template = &runtime.RawExtension{Raw: []byte(`{"metadata":{"labels":{"app":"web","more":"x"}},"spec":{"containers":[{"name":"x","image":"v9"}]}}`)}
		s.PlanRef = "default"
	})
	c.Passes(20)
	run := c.RunNamed("mine")
	if run.Status.Phase != v1alpha1.PhasePassed || run.Status.Verdict != v1alpha1.VerdictPass || run.Status.Plan == nil || evaluatortest.Image(c.Deployment()) != "v1" {
		t.Errorf("the run is %s %s (%s), the Deployment runs %s", run.Status.Phase, run.Status.Verdict, run.Status.Message, evaluatortest.Image(c.Deployment()))
	}
}

// A run that cannot be followed says so, with what to do, and nothing else.
func TestARunByHandThatCannotBeFollowed(t *testing.T) {
	for name, tc := range map[string]struct {
		edit  func(*v1alpha1.CanaryRunSpec)
		phase v1alpha1.Phase
		says  string
	}{
		"no such container": {func(s *v1alpha1.CanaryRunSpec) { s.Containers[0].Name = "app" }, v1alpha1.PhaseReverted, `no container "app"; it has web`},
		"no such plan":      {func(s *v1alpha1.CanaryRunSpec) { s.PlanRef = "other" }, v1alpha1.PhaseWaiting, `"other", which does not exist; create it, or delete the run`},
		"no Deployment":     {func(s *v1alpha1.CanaryRunSpec) { s.Deployment = "other" }, v1alpha1.PhaseWaiting, "no Deployment other in the namespace; create it, or delete this run"},
		"a reserved label": {func(s *v1alpha1.CanaryRunSpec) {
			s.Containers, s.Template = nil, &runtime.RawExtension{Raw: []byte(`{"metadata":{"labels":{"holdfast.dev/role":"x"}},"spec":{"containers":[]}}`)}
		}, v1alpha1.PhaseReverted, "label holdfast.dev/role"},
		"a template that is none": {func(s *v1alpha1.CanaryRunSpec) {
			s.Containers, s.Template = nil, &runtime.RawExtension{Raw: []byte(`[]`)}
		}, v1alpha1.PhaseReverted, "cannot run as a canary"},
		"a plan with a mistake": {func(s *v1alpha1.CanaryRunSpec) {
			s.Plan = evaluatortest.QuickPlan("x").Spec.DeepCopy()
			s.Plan.Analysis.Metrics[0].Query = "up{"
		}, v1alpha1.PhaseWaiting, "delete it and make another"},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.ByHand("mine", tc.edit)
			c.Passes(4)
			before := c.Writes
			c.Passes(3)
			run := c.RunNamed("mine")
			if run.Status.Phase != tc.phase || !strings.Contains(run.Status.Message, tc.says) {
				t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
			}
			if c.Writes != before || c.Canaries() != 0 {
				t.Errorf("it goes on writing, or has %d canaries", c.Canaries())
			}
		})
	}
}

func TestAnotherAttemptHasFreshPodsOfAnotherName(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Prometheus.Answer.Series[0].Value = 1
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) { s.OnFailure = v1alpha1.FailureFreeze })
	c.Hold()
	c.Passes(12)
	name := c.Run().Name
	if phase := c.Run().Status.Phase; phase != v1alpha1.PhaseFrozen {
		t.Fatalf("the run is %s", phase)
	}
	c.Prometheus.Answer.Series[0].Value = 0
	c.Prometheus.Asked = nil
	c.Edit(name, func(s *v1alpha1.CanaryRunSpec) { s.Attempt = 2 })
	c.Passes(5)
	if c.ReplicaSet(name) != nil || c.ReplicaSet(v1alpha1.CanaryName(name, 2)) == nil {
		t.Errorf("the pods of the second attempt are not those of a ReplicaSet %s", v1alpha1.CanaryName(name, 2))
	}
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || run.Status.Attempt != 2 || c.Canaries() != 0 {
		t.Errorf("the run is %s (%s) in attempt %d, %d canaries are left", run.Status.Phase, run.Status.Message, run.Status.Attempt, c.Canaries())
	}
	if got := c.Count("holdfast_decisions_total", "Retry"); got != 1 {
		t.Errorf("%v retries are counted", got)
	}
	if len(c.Prometheus.Asked) == 0 || !strings.Contains(c.Prometheus.Asked[0], name+"-r2-x") {
		t.Errorf("the second attempt asked %v", c.Prometheus.Asked)
	}
}

func TestABaselineRunsTheStableTemplate(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) {
		s.Baseline = &v1alpha1.Baseline{}
		s.Analysis.Metrics[0].Query = "sum(up{ {{canary}} }) - sum(up{ {{baseline}} })"
	})
	c.Hold()
	c.Passes(4)
	name := c.Run().Name
	rs := c.ReplicaSet(v1alpha1.BaselineName(name, 1))
	if rs == nil || rs.Spec.Template.Spec.Containers[0].Image != "v1" || rs.Labels["app"] != "" {
		t.Fatalf("the baseline is %+v", rs)
	}
	if labels := rs.Spec.Template.Labels; labels[v1alpha1.RoleLabel] != v1alpha1.RoleBaseline || labels[v1alpha1.CanaryPodLabel] != "" || labels["app"] != "web" {
		t.Errorf("its pods have labels %v", labels)
	}
	c.Passes(20)
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseReleased || c.Canaries() != 0 {
		t.Errorf("the run is %s (%s), %d ReplicaSets are left", run.Status.Phase, run.Status.Message, c.Canaries())
	}
	if len(c.Prometheus.Asked) == 0 || !strings.Contains(c.Prometheus.Asked[0], `pod=~"`+name+`-baseline-x"`) {
		t.Errorf("asked %v", c.Prometheus.Asked)
	}
}

func TestADryRunIsRememberedAsPassed(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) { s.DryRun = true })
	c.Hold()
	c.Passes(20)
	d := c.Deployment()
	if run := c.Run(); run.Status.Phase != v1alpha1.PhasePassed || evaluatortest.Image(d) != "v1" || c.Canaries() != 0 {
		t.Errorf("the run is %s, the Deployment runs %s", run.Status.Phase, evaluatortest.Image(d))
	}
	if memory := d.Annotations[v1alpha1.RejectedAnnotation]; !strings.Contains(memory, `"passed":true`) || d.Annotations[v1alpha1.HeldAnnotation] != "" {
		t.Errorf("the memory is %s", memory)
	}
	c.WantEvents("Held", "RunPassed")
}

func TestAHoldWithATimeToStart(t *testing.T) {
	for name, tc := range map[string]struct {
		at, event string
		phase     v1alpha1.Phase
	}{
		"to come":     {evaluatortest.Noon.Add(time.Hour).Format(time.RFC3339), "Held", v1alpha1.PhaseScheduled},
		"just passed": {evaluatortest.Noon.Add(-time.Minute).Format(time.RFC3339), "Held", v1alpha1.PhaseRunning},
		"long passed": {evaluatortest.Noon.Add(-time.Hour).Format(time.RFC3339), v1alpha1.ReasonStartAtInvalid, ""},
		"no time":     {"tonight", v1alpha1.ReasonStartAtInvalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.AnnotateDeployment(map[string]string{v1alpha1.StartAtAnnotation: tc.at})
			c.Hold()
			c.Passes(5)
			if told := c.Told(); len(told) == 0 || told[0] != tc.event {
				t.Errorf("events %v, want %s", told, tc.event)
			}
			runs := c.Runs()
			if tc.phase == "" && len(runs) != 0 || tc.phase != "" && (len(runs) != 1 || runs[0].Status.Phase != tc.phase) {
				t.Errorf("runs %+v, want %s", runs, tc.phase)
			}
			c.AnnotateDeployment(map[string]string{v1alpha1.StartAtAnnotation: ""})
			c.Passes(3)
			if len(c.Runs()) != 1 {
				t.Errorf("with the annotation off there are %d runs", len(c.Runs()))
			}
		})
	}
}

// Many runs that could all start at once, worked on at once: no more than the
// limit ever have a canary, and all of them get their turn, the oldest first.
func TestNoTwoRunsTakeOnePlace(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.Another(func(o *evaluator.Options) { o.MaxRuns = 2 })
	const runs = 8
	for i := range runs {
		c.ByHand(fmt.Sprintf("run-%d", i), func(s *v1alpha1.CanaryRunSpec) { s.PlanRef = "default" })
		c.Clock.SetTime(c.Clock.Now().Add(time.Second))
	}
	all := func() {
		var wait sync.WaitGroup
		for i := range runs {
			wait.Go(func() {
				if err := evaluatortest.ReconcileRun(ctrl.LoggerInto(t.Context(), logr.Discard()), c.Evaluator, fmt.Sprintf("run-%d", i)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	var order []string
	for len(order) < runs {
		for range 5 {
			all()
		}
		running := 0
		for _, run := range c.Runs() {
			switch {
			case run.Status.Phase.Ended():
			case run.Status.CreatedAt != nil:
				running++
				order = append(order, run.Name)
				c.Edit(run.Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
			case !strings.Contains(run.Status.Message, "waits for its turn, place "):
				t.Errorf("%s waits: %s", run.Name, run.Status.Message)
			}
		}
		if want := min(2, runs-len(order)+running); running > 2 || running < min(want, 1) || c.Canaries() > 2 {
			t.Fatalf("%d runs have a canary, and there are %d", running, c.Canaries())
		}
	}
	// The first two raced for their places before anybody stood in line.
	if !slices.IsSorted(order[2:]) {
		t.Errorf("the turns were %v", order)
	}
}
