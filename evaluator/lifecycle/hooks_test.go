package lifecycle

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Random worlds whose hooks say what they like: whatever happens, whenever the evaluator is killed, the
// invariants hold, and once all say yes every run comes to rest where a run may.
func TestRandomTrajectoriesWithHooks(t *testing.T) {
	reasons := map[string]int{}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(11, seed))
		w := randomWorld(t, random)
		if w.run.Spec.Plan == nil {
			continue
		}
		for _, moment := range v1alpha1.HookTypes {
			if random.IntN(3) > 0 {
				continue
			}
			name := strings.ToLower(string(moment))
			w.run.Spec.Plan.Hooks = append(w.run.Spec.Plan.Hooks, v1alpha1.Hook{Name: name, Type: moment, URL: "http://gate.shop/"})
			for range 20 {
				w.hooks[name] = append(w.hooks[name], []string{"yes", "no", "no", "none"}[random.IntN(4)])
			}
			if moment == v1alpha1.HookRollback { // or nothing ever passes
				w.hooks[name] = []string{"no", "none", "no", "no", "no", "no", "yes", "no"}
			}
		}
		happened := map[string]bool{}
		w.live(random, func(random *rand.Rand) string {
			happened[w.run.Status.Reason] = true
			for name := range w.hooks {
				if random.IntN(40) == 0 && name != strings.ToLower(string(v1alpha1.HookRollback)) {
					w.hooks[name] = []string{"yes"}
				}
			}
			return someHappening(random)
		})
		happened[w.run.Status.Reason] = true
		for reason := range happened {
			reasons[reason]++
		}
		if !mayRest(w) {
			t.Fatalf("seed %d: the run hangs in %s/%s:\n%s", seed, w.run.Status.Phase, w.run.Status.Reason, strings.Join(w.log, "\n"))
		}
		if w.wantTidy(); t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
		}
	}
	for _, reason := range []string{v1alpha1.ReasonGateClosed, v1alpha1.ReasonPreRollout, v1alpha1.ReasonHookRefused, v1alpha1.ReasonRollbackAsked} {
		if reasons[reason] == 0 {
			t.Errorf("no run came by %s: %v", reason, reasons)
		}
	}
}

// A question that was put and whose answer is not in the status is put again by whoever goes on, and is the
// same; what is asked anew is another.
func TestAQuestionIsTheSameToWhoeverGoesOn(t *testing.T) {
	w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
		s.Hooks = []v1alpha1.Hook{{Name: "smoke", Type: v1alpha1.HookPreRollout, URL: "http://gate.shop/"}}
	})
	w.hooks["smoke"] = []string{"no", "yes"}
	w.runFor(3 * time.Second)
	w.happen("pods are Ready")
	p, _, _ := w.step()
	if len(p.Questions) != 1 {
		t.Fatalf("asked: %+v", p.Questions)
	}
	first := p.Questions[0].About
	w.die()
	if p, _, _ = w.step(); len(p.Questions) != 1 || p.Questions[0].About != first {
		t.Errorf("asked %q, then %+v", first, p.Questions)
	}
	w.runFor(10 * time.Second)
	if len(w.asked) != 2 || w.asked[first] != 2 {
		t.Errorf("asked %v", w.asked)
	}
}

// How often a gate says no is not written each time: its status is, once a minute at most.
func TestAGateThatStaysClosedIsNotWrittenEachTime(t *testing.T) {
	w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
		s.Hooks = []v1alpha1.Hook{{Name: "go", Type: v1alpha1.HookConfirmRollout, URL: "http://gate.shop/"}}
	})
	w.hooks["go"] = []string{"no"}
	w.runFor(10 * time.Second)
	writes := w.writes
	w.runFor(10 * time.Minute)
	if w.writes > writes {
		t.Errorf("%d writes in ten minutes in which a gate said no", w.writes-writes)
	}
	asked := 0
	for _, n := range w.asked {
		asked += n
	}
	if asked < 100 {
		t.Errorf("it was asked %d times, every 5 s", asked)
	}
}

// gatesAreOpen says whether all hooks of a moment have said yes, by a status that is stored.
func gatesAreOpen(plan *v1alpha1.CanaryPlanSpec, stored v1alpha1.CanaryRunStatus, moment v1alpha1.HookType) bool {
	for _, h := range plan.HooksOf(moment) {
		if stored.Hook(h.Name).Answer != v1alpha1.HookYes {
			return false
		}
	}
	return true
}

// A status that somebody has written by hand makes no plan impossible.
func TestHooksOfAStatusThatWasTamperedWith(t *testing.T) {
	for _, moment := range v1alpha1.HookTypes {
		for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseWaiting, v1alpha1.PhaseStarting, v1alpha1.PhaseRunning, v1alpha1.PhasePaused, v1alpha1.PhaseReleased} {
			w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
				s.Hooks = []v1alpha1.Hook{{Name: "x", Type: moment, URL: "http://gate.shop/"}}
			})
			w.start()
			w.hooks["x"] = []string{"no"}
			for _, answer := range []v1alpha1.HookAnswer{"", v1alpha1.HookNo, v1alpha1.HookYes, "maybe"} {
				w.run.Status.Phase, w.run.Status.Reason = phase, v1alpha1.ReasonGateClosed
				w.run.Status.Hooks = []v1alpha1.HookStatus{{Name: "x", Type: moment, Answer: answer, Step: -1}, {Name: "other"}}
				w.step()
				since := w.run.Status.CreatedAt
				w.run.Status.Hooks = []v1alpha1.HookStatus{{Name: "x", Type: moment, Answer: answer, Since: since}}
				w.step()
			}
		}
	}
}
