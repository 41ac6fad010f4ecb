package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// happenings are what can befall a random world, with how often in a thousand.
var happenings = []struct {
	what  string
	often int
}{
	{"pods are Ready", 300}, {"canary is Ready", 30}, {"canary crashes", 15}, {"baseline crashes", 15},
	{"canary waits ErrImagePull x", 8}, {"canary waits CreateContainerConfigError x", 8}, {"canary is not Ready", 20},
	{"baseline is not Ready", 20}, {"canary is deleted", 20}, {"baseline is deleted", 20}, {"canary is scaled to 2", 20}, {"canary gets no pods x", 8},
	{"Deployment rolls out", 30}, {"Deployment has rolled out", 60}, {"Deployment is stuck", 20}, {"Deployment wants 5", 20},
	{"Deployment wants 0", 10}, {"Deployment is paused", 6}, {"Deployment is resumed", 8}, {"Deployment is gone", 3}, {"hold is withdrawn", 4}, {"hold is superseded by hold-2", 4}, {"hold is to be finished first", 4},
	{"hold is unreadable x", 2}, {"hold is let through", 2}, {"hold is skipped", 2}, {"guard is lifted", 6},
	{"quota is full x", 15}, {"quota is taken by others x", 5}, {"quota is full", 20}, {"Deployment pods exceed the quota", 10}, {"Deployment pods find no node x", 10},
	{"Deployment is Recreate", 4}, {"Deployment asks for a canary beside it", 8}, {"Deployment asks for none beside it", 3},
	{"webhook is down", 20}, {"webhook is up", 40}, {"release is refused", 6}, {"template cannot run x", 3},
	{"person promotes", 6}, {"person aborts", 6}, {"person pauses", 25}, {"person resumes", 60}, {"person approves 1", 30},
	{"person approves 2", 15}, {"person retries 2", 12}, {"person retries 3", 8},
	{"places: 2 taken, 0 ahead", 20}, {"places: 1 taken, 1 ahead", 20}, {"places: 0 taken, 0 ahead", 60},
	{"Service a leaves the stable pods", 10}, {"Service a comes back", 40}, {"ConfigMap a is gone", 6}, {"ConfigMap a is there", 20},
	{"others change x", 4}, {"others change nothing", 20}, {"others hide x", 8}, {"others give x", 15}, {"others make the canary", 6},
	{"pods take long to end", 5}, {"pods have ended", 30},
}

// someHappening picks one of them.
func someHappening(random *rand.Rand) string {
	total := 0
	for _, h := range happenings {
		total += h.often
	}
	n := random.IntN(total)
	for _, h := range happenings {
		if n -= h.often; n < 0 {
			return h.what
		}
	}
	panic("unreachable")
}

// randomPlan sets any of what a plan can say.
func randomPlan(random *rand.Rand) func(*v1alpha1.CanaryPlanSpec) {
	maybe := func() bool { return random.IntN(3) == 0 }
	return func(s *v1alpha1.CanaryPlanSpec) {
		*s.RestartLimit = random.Int32N(2)
		*s.Analysis.ErrorLimit, *s.Analysis.NoDataLimit = random.Int32N(4), random.Int32N(4)
		s.Deadline = &metav1.Duration{Duration: time.Duration(1+random.IntN(60)) * time.Minute}
		s.DryRun = random.IntN(5) == 0
		if maybe() {
			s.OnFailure = v1alpha1.FailureFreeze
		}
		if random.IntN(5) == 0 {
			s.Quarantine = v1alpha1.QuarantineNever
		}
		if maybe() {
			s.OnInconclusive = v1alpha1.InconclusiveRevert
		}
		if maybe() {
			s.Baseline = &v1alpha1.Baseline{}
		}
		if random.IntN(5) == 0 { // a comparison and nothing else
			s.Analysis.Metrics = []v1alpha1.Metric{{Name: "errors", Compare: &v1alpha1.Comparison{Count: &v1alpha1.Counted{
				Bad: "r_total{ {{pods}} }", Total: "r_total{ {{pods}} }",
			}, Minimum: v1alpha1.Minimum{Points: ptr(int32(1 + random.IntN(2)))}}}}
			s.Analysis.EndEarly = maybe()
			s.SetDefaults()
		}
		if maybe() {
			limit := int32(2)
			s.MaxRuns = &limit
		}
		if maybe() {
			from, to := metav1.NewTime(noon.Add(20*time.Second)), metav1.NewTime(noon.Add(3*time.Minute))
			s.FreezeWindows = []v1alpha1.FreezeWindow{{From: &from, To: &to}}
		}
		if random.IntN(6) == 0 {
			assume := []v1alpha1.Assumption{v1alpha1.AssumePass, v1alpha1.AssumeFail, v1alpha1.AssumeNone}[random.IntN(3)]
			s.Manual = &v1alpha1.Manual{Deadline: &metav1.Duration{Duration: 2 * time.Minute}, Assume: assume}
		}
		if maybe() {
			one, podShare := intstr.FromInt32(1), int32(40)
			s.Steps = []v1alpha1.Step{
				{Replicas: &one, Period: &metav1.Duration{Duration: 10 * time.Second}, Approval: maybe()},
				{PodShare: &podShare, Approval: maybe(), Metrics: []v1alpha1.Metric{{Name: "latency", Query: "up", Range: quickPlan().Analysis.Metrics[0].Range}}},
			}
			s.Analysis.EndEarly = false
		}
	}
}

func ptr[T any](v T) *T { return &v }

// randomWorld is one of them, its metrics answering as they like.
func randomWorld(t *testing.T, random *rand.Rand) *world {
	w := newWorld(t, randomPlan(random))
	if random.IntN(6) == 0 { // a run that a user made
		spec := v1alpha1.CanaryRunSpec{Deployment: "web", Containers: []v1alpha1.ContainerImage{{Name: "web", Image: "v2"}}, Plan: w.run.Spec.Plan}
		if random.IntN(3) == 0 {
			spec.Plan = nil
		}
		w.run.Spec, w.deployment.Held = spec, ""
	}
	if random.IntN(6) == 0 {
		at := metav1.NewTime(noon.Add(time.Minute))
		w.run.Spec.StartAt = &at
	}
	values := []analysis.Observation{good(0), good(0), good(0), good(1), {Answer: analysis.Answer{Error: "x"}}, {}, {Answer: analysis.Answer{WrongType: "matrix"}}}
	likely := random.IntN(len(values))
	counts := []string{"0/1000:0/1000", "10/1000:10/1000", "0/0:0/0", "50/1000:2/1000", "3/100:2/1", "0.5/7:1/9"}
	usually := counts[random.IntN(len(counts))]
	compares := w.run.Spec.Plan != nil && len(w.run.Spec.Plan.Comparisons()) > 0
	w.value = func(name string, at time.Time) analysis.Observation {
		if compares && name == "errors" && random.IntN(4) > 0 {
			if random.IntN(4) == 0 {
				return w.countedAs(counts[random.IntN(len(counts))], at)
			}
			return w.countedAs(usually, at)
		}
		if random.IntN(4) > 0 {
			return values[likely]
		}
		return values[random.IntN(len(values))]
	}
	return w
}

// Random worlds: whatever happens at whatever moment, whenever the evaluator is
// killed, the invariants of check hold, rounds are counted once, and once nothing
// is wrong any more every run comes to rest where a run may.
func TestRandomTrajectories(t *testing.T) {
	ends, rest := map[v1alpha1.Phase]int{}, map[string]int{}
	for seed := range uint64(600) {
		random := rand.New(rand.NewPCG(5, seed))
		w := randomWorld(t, random)
		w.live(random, someHappening)
		status := w.run.Status
		ends[status.Phase]++
		if !status.Phase.Ended() {
			rest[fmt.Sprintf("%s/%s", status.Phase, status.Reason)]++
		}
		if !mayRest(w) {
			t.Fatalf("seed %d: the run hangs in %s/%s:\n%s", seed, status.Phase, status.Reason, strings.Join(w.log, "\n"))
		}
		if w.wantTidy(); t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
	t.Logf("ends: %v, at rest: %v", ends, rest)
	for _, phase := range []v1alpha1.Phase{
		v1alpha1.PhaseReleased, v1alpha1.PhasePassed, v1alpha1.PhaseReverted, v1alpha1.PhaseCanceled, v1alpha1.PhaseSuperseded, v1alpha1.PhaseFrozen,
	} {
		if ends[phase] == 0 {
			t.Errorf("no trajectory ended %s: %v", phase, ends)
		}
	}
}

// live has some steps taken while this and that happens, then nothing any more.
func (w *world) live(random *rand.Rand, happening func(*rand.Rand) string) {
	w.t.Helper()
	for range 120 {
		w.killAt = -1
		if random.IntN(4) == 0 {
			w.killAt = w.writes + random.IntN(3)
		}
		p, changed, killed := w.step()
		if random.IntN(4) == 0 {
			what := happening(random)
			w.note("! %s", what)
			w.happen(what)
		}
		if changed || killed {
			continue
		}
		wait := time.Duration(random.IntN(8000)) * time.Millisecond
		if p.Requeue > 0 && random.IntN(4) > 0 {
			wait = p.Requeue
		}
		w.now = w.now.Add(wait)
	}
	w.settle()
}

// mayRest says whether a run may stay where it is for ever.
func mayRest(w *world) bool {
	s := w.run.Status
	return s.Phase.Ended() || s.Phase == v1alpha1.PhaseFrozen ||
		s.Reason == v1alpha1.ReasonUnjudged || s.Reason == v1alpha1.ReasonDeploymentNotFound ||
		w.run.Spec.Paused && s.Phase == v1alpha1.PhasePaused && (s.CreatedAt == nil || w.run.Spec.Plan == nil)
}

// settle lets everything around the run be well until nothing happens any more.
func (w *world) settle() {
	w.webhook, w.refuse, w.killAt, w.line.Others, w.redirecting = true, false, -1, nil, ""
	w.deployment.Replicas, w.deployment.Paused = max(w.deployment.Replicas, 1), false
	w.deployment.BesideRecreate, w.full = ptr(true), ""
	for range 5000 {
		w.rollout = RolloutProgress{State: RolloutComplete}
		w.podsHappen("are Ready")
		w.podsHappen("have ended")
		p, changed, _ := w.step()
		if !changed && p.Requeue == 0 {
			return
		}
		if !changed {
			w.now = w.now.Add(p.Requeue)
		}
	}
}

// One input has one plan, and planning changes nothing of its input.
func TestPlanningChangesNothing(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(7, seed))
		w := randomWorld(t, random)
		for range 40 {
			in, again := w.input(), w.input()
			first, second := Next(in), Next(again)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Fatalf("one input, two plans:\n%s", diff)
			}
			if diff := cmp.Diff(w.input(), in); diff != "" {
				t.Fatalf("planning changed its input:\n%s", diff)
			}
			if _, changed, _ := w.step(); !changed {
				w.now = w.now.Add(time.Duration(random.IntN(9)) * time.Second)
			}
			w.happen(someHappening(random))
		}
	}
}

// A round that the status has already is not counted again, whoever brings it.
func TestARoundCountsOnce(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.runFor(6 * time.Second)
	in := w.input()
	last := w.run.Status.Metrics[0].Last
	for _, m := range last {
		in.Round = &Round{At: m.Time.Time, Observations: map[string]analysis.Observation{"errors": good(1)}}
		if p := Next(in); p.Status.Measured != w.run.Status.Measured {
			t.Errorf("the round of %s was counted again", m.Time)
		}
	}
}

// The order in which the API server lists pods does not show in a plan.
func TestPodsInAnyOrder(t *testing.T) {
	pods := []corev1.Pod{
		waiting(pod("c", noon), "ErrImagePull", "c"), restarted(pod("b", noon), 2), restarted(pod("a", noon), 2),
		waiting(pod("d", noon), "CreateContainerConfigError", "d"),
	}
	backwards := slices.Clone(pods)
	slices.Reverse(backwards)
	for limit := range int32(5) {
		a, b := findTrouble(pods, limit, noon.Add(time.Minute)), findTrouble(backwards, limit, noon.Add(time.Minute))
		if a != b || a.reason == "" {
			t.Errorf("limit %d: %+v and %+v", limit, a, b)
		}
	}
}
