package evaluator

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// byHand has a user make a run.
func (c *cluster) byHand(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.t.Helper()
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(c.clock.Now())},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Containers: []v1alpha1.ContainerImage{{Name: "web", Image: "v7"}}},
	}
	edit(&run.Spec)
	c.must(c.api.Create(c.t.Context(), run))
}

func (c *cluster) replicaSet(name string) *appsv1.ReplicaSet {
	c.t.Helper()
	rs := &appsv1.ReplicaSet{}
	if err := c.api.Get(c.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, rs); client.IgnoreNotFound(err) != nil {
		c.t.Fatal(err)
	} else if err != nil {
		return nil
	}
	return rs
}

func (c *cluster) edit(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.t.Helper()
	run := c.runNamed(name)
	edit(&run.Spec)
	c.must(c.api.Update(c.t.Context(), &run))
}

func (c *cluster) runNamed(name string) v1alpha1.CanaryRun {
	c.t.Helper()
	var run v1alpha1.CanaryRun
	c.must(c.api.Get(c.t.Context(), types.NamespacedName{Namespace: namespace, Name: name}, &run))
	return run
}

func TestARunByHandLivesBesideTheDeployment(t *testing.T) {
	c := newCluster(t)
	c.byHand("mine", func(*v1alpha1.CanaryRunSpec) {})
	c.passes(5)
	run, rs := c.runNamed("mine"), c.replicaSet("mine")
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
	if image(c.deployment()) != "v1" {
		t.Errorf("the Deployment runs %s", image(c.deployment()))
	}
	c.edit("mine", func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionPromote })
	c.passes(2)
	if run := c.runNamed("mine"); run.Status.Phase != v1alpha1.PhasePassed || c.canaries() != 0 || image(c.deployment()) != "v1" {
		t.Errorf("promoted, the run is %s, there are %d canaries, and the Deployment runs %s", run.Status.Phase, c.canaries(), image(c.deployment()))
	}
}

func TestARunByHandOfAWholeTemplate(t *testing.T) {
	c := newCluster(t)
	c.byHand("mine", func(s *v1alpha1.CanaryRunSpec) {
		s.Containers = nil
		s.Template = &runtime.RawExtension{Raw: []byte(`{"metadata":{"labels":{"app":"web","more":"x"}},"spec":{"containers":[{"name":"x","image":"v9"}]}}`)}
		s.PlanRef = "default"
	})
	c.passes(20)
	run := c.runNamed("mine")
	if run.Status.Phase != v1alpha1.PhasePassed || run.Status.Verdict != v1alpha1.VerdictPass || run.Status.Plan == nil || image(c.deployment()) != "v1" {
		t.Errorf("the run is %s %s (%s), the Deployment runs %s", run.Status.Phase, run.Status.Verdict, run.Status.Message, image(c.deployment()))
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
			s.Plan = quickPlan("x").Spec.DeepCopy()
			s.Plan.Analysis.Metrics[0].Query = "up{"
		}, v1alpha1.PhaseWaiting, "delete it and make another"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.byHand("mine", tc.edit)
			c.passes(4)
			before := c.writes
			c.passes(3)
			run := c.runNamed("mine")
			if run.Status.Phase != tc.phase || !strings.Contains(run.Status.Message, tc.says) {
				t.Errorf("the run is %s: %s", run.Status.Phase, run.Status.Message)
			}
			if c.writes != before || c.canaries() != 0 {
				t.Errorf("it goes on writing, or has %d canaries", c.canaries())
			}
		})
	}
}

func TestAnotherAttemptHasFreshPodsOfAnotherName(t *testing.T) {
	c := newCluster(t)
	c.prometheus.answer.Series[0].Value = 1
	c.editPlan(func(s *v1alpha1.CanaryPlanSpec) { s.OnFailure = v1alpha1.FailureFreeze })
	c.hold()
	c.passes(12)
	name := c.run().Name
	if phase := c.run().Status.Phase; phase != v1alpha1.PhaseFrozen {
		t.Fatalf("the run is %s", phase)
	}
	c.prometheus.answer.Series[0].Value = 0
	c.prometheus.asked = nil
	c.edit(name, func(s *v1alpha1.CanaryRunSpec) { s.Attempt = 2 })
	c.passes(5)
	if c.replicaSet(name) != nil || c.replicaSet(v1alpha1.CanaryName(name, 2)) == nil {
		t.Errorf("the pods of the second attempt are not those of a ReplicaSet %s", v1alpha1.CanaryName(name, 2))
	}
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased || run.Status.Attempt != 2 || c.canaries() != 0 {
		t.Errorf("the run is %s (%s) in attempt %d, %d canaries are left", run.Status.Phase, run.Status.Message, run.Status.Attempt, c.canaries())
	}
	if got := c.count("holdfast_decisions_total", "Retry"); got != 1 {
		t.Errorf("%v retries are counted", got)
	}
	if len(c.prometheus.asked) == 0 || !strings.Contains(c.prometheus.asked[0], name+"-r2-x") {
		t.Errorf("the second attempt asked %v", c.prometheus.asked)
	}
}

func (c *cluster) editPlan(edit func(*v1alpha1.CanaryPlanSpec)) {
	c.t.Helper()
	var plan v1alpha1.CanaryPlan
	c.must(c.api.Get(c.t.Context(), types.NamespacedName{Namespace: namespace, Name: "default"}, &plan))
	edit(&plan.Spec)
	c.must(c.api.Update(c.t.Context(), &plan))
}

func TestABaselineRunsTheStableTemplate(t *testing.T) {
	c := newCluster(t)
	c.editPlan(func(s *v1alpha1.CanaryPlanSpec) {
		s.Baseline = &v1alpha1.Baseline{}
		s.Analysis.Metrics[0].Query = "sum(up{ {{canary}} }) - sum(up{ {{baseline}} })"
	})
	c.hold()
	c.passes(4)
	name := c.run().Name
	rs := c.replicaSet(v1alpha1.BaselineName(name, 1))
	if rs == nil || rs.Spec.Template.Spec.Containers[0].Image != "v1" || rs.Labels["app"] != "" {
		t.Fatalf("the baseline is %+v", rs)
	}
	if labels := rs.Spec.Template.Labels; labels[v1alpha1.RoleLabel] != v1alpha1.RoleBaseline || labels[v1alpha1.CanaryPodLabel] != "" || labels["app"] != "web" {
		t.Errorf("its pods have labels %v", labels)
	}
	c.passes(20)
	if run := c.run(); run.Status.Phase != v1alpha1.PhaseReleased || c.canaries() != 0 {
		t.Errorf("the run is %s (%s), %d ReplicaSets are left", run.Status.Phase, run.Status.Message, c.canaries())
	}
	if len(c.prometheus.asked) == 0 || !strings.Contains(c.prometheus.asked[0], `pod=~"`+name+`-baseline-x"`) {
		t.Errorf("asked %v", c.prometheus.asked)
	}
}

func TestADryRunIsRememberedAsPassed(t *testing.T) {
	c := newCluster(t)
	c.editPlan(func(s *v1alpha1.CanaryPlanSpec) { s.DryRun = true })
	c.hold()
	c.passes(20)
	d := c.deployment()
	if run := c.run(); run.Status.Phase != v1alpha1.PhasePassed || image(d) != "v1" || c.canaries() != 0 {
		t.Errorf("the run is %s, the Deployment runs %s", run.Status.Phase, image(d))
	}
	if memory := d.Annotations[v1alpha1.RejectedAnnotation]; !strings.Contains(memory, `"passed":true`) || d.Annotations[v1alpha1.HeldAnnotation] != "" {
		t.Errorf("the memory is %s", memory)
	}
	c.wantEvents("Held", "CanaryStarted", "CanaryReady", "RunPassed")
}

func TestAHoldWithATimeToStart(t *testing.T) {
	for name, tc := range map[string]struct {
		at, event string
		phase     v1alpha1.Phase
	}{
		"to come":     {noon.Add(time.Hour).Format(time.RFC3339), "Held", v1alpha1.PhaseScheduled},
		"just passed": {noon.Add(-time.Minute).Format(time.RFC3339), "Held", v1alpha1.PhaseRunning},
		"long passed": {noon.Add(-time.Hour).Format(time.RFC3339), v1alpha1.ReasonStartAtInvalid, ""},
		"no time":     {"tonight", v1alpha1.ReasonStartAtInvalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.annotateDeployment(map[string]string{v1alpha1.StartAtAnnotation: tc.at})
			c.hold()
			c.passes(5)
			if told := c.told(); len(told) == 0 || told[0] != tc.event {
				t.Errorf("events %v, want %s", told, tc.event)
			}
			runs := c.runs()
			if tc.phase == "" && len(runs) != 0 || tc.phase != "" && (len(runs) != 1 || runs[0].Status.Phase != tc.phase) {
				t.Errorf("runs %+v, want %s", runs, tc.phase)
			}
			c.annotateDeployment(map[string]string{v1alpha1.StartAtAnnotation: ""})
			c.passes(3)
			if len(c.runs()) != 1 {
				t.Errorf("with the annotation off there are %d runs", len(c.runs()))
			}
		})
	}
}

// Many runs that could all start at once, worked on at once: no more than the
// limit ever have a canary, and all of them get their turn, the oldest first.
func TestNoTwoRunsTakeOnePlace(t *testing.T) {
	c := newCluster(t)
	c.another(func(o *Options) { o.MaxRuns = 2 })
	const runs = 8
	for i := range runs {
		c.byHand(fmt.Sprintf("run-%d", i), func(s *v1alpha1.CanaryRunSpec) { s.PlanRef = "default" })
		c.clock.SetTime(c.clock.Now().Add(time.Second))
	}
	all := func() {
		var wait sync.WaitGroup
		for i := range runs {
			wait.Go(func() {
				if err := reconcileRun(ctrl.LoggerInto(t.Context(), logr.Discard()), c.e, fmt.Sprintf("run-%d", i)); err != nil {
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
		for _, run := range c.runs() {
			switch {
			case run.Status.Phase.Ended():
			case run.Status.CreatedAt != nil:
				running++
				order = append(order, run.Name)
				c.edit(run.Name, func(s *v1alpha1.CanaryRunSpec) { s.Decision = v1alpha1.DecisionAbort })
			case !strings.Contains(run.Status.Message, "waits for its turn, place "):
				t.Errorf("%s waits: %s", run.Name, run.Status.Message)
			}
		}
		if want := min(2, runs-len(order)+running); running > 2 || running < min(want, 1) || c.canaries() > 2 {
			t.Fatalf("%d runs have a canary, and there are %d", running, c.canaries())
		}
	}
	// The first two raced for their places before anybody stood in line.
	if !slices.IsSorted(order[2:]) {
		t.Errorf("the turns were %v", order)
	}
}
