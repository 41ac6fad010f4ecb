package plan

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// A run that is killed before any of its writes, and started again, ends as one
// that is not killed: the same verdict, one canary, one release, no round twice.
func TestKilledAnywhere(t *testing.T) {
	courses := map[string]func(*world){
		"released": func(*world) {},
		"reverted": func(w *world) {
			w.value = func(string, time.Time) analysis.Observation { return good(1) }
		},
		"inconclusive": func(w *world) {
			*w.run.Spec.Plan.Analysis.NoDataLimit = 2
			w.value = func(string, time.Time) analysis.Observation { return analysis.Observation{} }
		},
		"refused": func(w *world) { w.refuse = true },
	}
	for name, prepare := range courses {
		t.Run(name, func(t *testing.T) {
			var want v1alpha1.CanaryRunStatus
			for killed := -1; killed < 16; killed++ {
				w := newWorld(t)
				prepare(w)
				writes := 0
				for range 60 {
					killAt := -1
					in := w.input()
					n := len(Next(in).Actions) + 1
					if killed >= writes && killed < writes+n {
						killAt = killed - writes
					}
					writes += n
					p, _ := w.step(killAt)
					w.ready()
					if w.run.Status.Phase == v1alpha1.PhaseReleasing && w.releases > 0 {
						w.rollout = Rollout{State: RolloutComplete}
					}
					if p.Requeue > 0 {
						w.now = w.now.Add(min(p.Requeue, time.Second))
					}
				}
				if !w.run.Status.Phase.Ended() {
					t.Fatalf("killed at write %d: still %s:\n%s", killed, w.run.Status.Phase, strings.Join(w.log, "\n"))
				}
				if killed == -1 {
					want = w.run.Status
				}
				got := w.run.Status
				if got.Phase != want.Phase || got.Verdict != want.Verdict || got.Reason != want.Reason {
					t.Errorf("killed at write %d: ended %s %s %s, want %s %s %s:\n%s", killed,
						got.Phase, got.Verdict, got.Reason, want.Phase, want.Verdict, want.Reason, strings.Join(w.log, "\n"))
				}
				if w.created != 1 || w.releases > 1 || w.canary != nil {
					t.Errorf("killed at write %d: %d canaries made, %d releases, left over: %v", killed, w.created, w.releases, w.canary)
				}
				for at, n := range w.rounds {
					if n > 1 {
						t.Errorf("killed at write %d: the round of %s was counted %d times", killed, at, n)
					}
				}
			}
		})
	}
}

// Random worlds: whatever happens at whatever moment, the invariants of check
// hold, rounds are counted once, and once the hold has ended so has the run.
func TestRandomTrajectories(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	happenings := []func(*world){
		func(w *world) { w.ready() },
		func(w *world) { w.ready() },
		func(w *world) { w.ready() },
		func(w *world) { w.webhook = !w.webhook },
		func(w *world) { w.refuse = random.IntN(4) == 0 },
		func(w *world) { w.deployment.Guarded = random.IntN(3) > 0 },
		func(w *world) {
			w.rollout = Rollout{State: []RolloutState{"", RolloutComplete, RolloutUnderWay, RolloutStuck}[random.IntN(4)]}
		},
		func(w *world) { w.rollout = Rollout{State: RolloutComplete} },
		func(w *world) { w.deployment.Replicas = random.Int32N(5) },
		func(w *world) {
			if len(w.pods) > 0 && random.IntN(3) == 0 {
				i := random.IntN(len(w.pods))
				w.pods[i] = []func(corev1.Pod) corev1.Pod{
					func(p corev1.Pod) corev1.Pod { return restarted(p, 1) },
					func(p corev1.Pod) corev1.Pod { return waiting(p, "ErrImagePull", "x") },
					func(p corev1.Pod) corev1.Pod { return waiting(p, "CreateContainerConfigError", "x") },
					func(p corev1.Pod) corev1.Pod { p.Status.Conditions = nil; return p },
				}[random.IntN(4)](w.pods[i])
			}
		},
		func(w *world) {
			if w.canary != nil {
				w.canary.Replicas = random.Int32N(3)
			}
		},
		func(w *world) {
			if random.IntN(10) == 0 {
				w.canary, w.pods = nil, nil
			}
		},
		func(w *world) {
			if random.IntN(30) == 0 {
				w.deployment.Held = []string{"", "hold-2"}[random.IntN(2)]
			}
		},
		func(w *world) {
			if random.IntN(60) == 0 {
				w.deployment.Held, w.deployment.Unreadable = "", "x"
			}
		},
		func(w *world) {
			if random.IntN(60) == 0 {
				w.deployment.Hash = heldHash
			}
		},
		func(w *world) { w.deployment.Exists = random.IntN(100) > 0 && w.deployment.Exists },
	}
	ends := map[v1alpha1.Phase]int{}
	for range 400 {
		w := newWorld(t)
		if random.IntN(2) == 0 {
			freeze(&w.run.Spec.Plan)
		}
		*w.run.Spec.Plan.RestartLimit = random.Int32N(2)
		values := []analysis.Observation{good(0), good(0), good(0), good(1), {Error: "x"}, {}, {WrongType: "matrix"}}
		likely := random.IntN(len(values))
		w.value = func(string, time.Time) analysis.Observation {
			if random.IntN(3) > 0 {
				return values[likely]
			}
			return values[random.IntN(len(values))]
		}
		for range 150 {
			killAt := -1
			if random.IntN(4) == 0 {
				killAt = random.IntN(3)
			}
			p, changed := w.step(killAt)
			if random.IntN(5) == 0 {
				happenings[random.IntN(len(happenings))](w)
			}
			if changed {
				continue
			}
			wait := time.Duration(random.IntN(8000)) * time.Millisecond
			if p.Requeue > 0 && random.IntN(4) > 0 {
				wait = p.Requeue
			}
			w.now = w.now.Add(wait)
		}
		for at, n := range w.rounds {
			if n > 1 {
				t.Fatalf("the round of %s was counted %d times:\n%s", at, n, strings.Join(w.log, "\n"))
			}
		}
		if w.releases > 1 {
			t.Fatalf("%d releases:\n%s", w.releases, strings.Join(w.log, "\n"))
		}
		w.settle()
		ends[w.run.Status.Phase]++
		if w.run.Status.Phase != v1alpha1.PhaseFrozen && !w.run.Status.Phase.Ended() {
			t.Fatalf("the run hangs in %s:\n%s", w.run.Status.Phase, strings.Join(w.log, "\n"))
		}
		if w.run.Status.Phase.Ended() && w.canary != nil {
			t.Fatalf("the canary is left over:\n%s", strings.Join(w.log, "\n"))
		}
	}
	t.Logf("ends: %v", ends)
	for _, phase := range []v1alpha1.Phase{
		v1alpha1.PhaseReleased, v1alpha1.PhaseReverted, v1alpha1.PhaseCanceled, v1alpha1.PhaseSuperseded, v1alpha1.PhaseFrozen,
	} {
		if ends[phase] == 0 {
			t.Errorf("no trajectory ended %s: %v", phase, ends)
		}
	}
}

// settle lets everything around the run be well for an hour.
func (w *world) settle() {
	w.webhook, w.refuse = true, false
	for range 2000 {
		w.rollout = Rollout{State: RolloutComplete}
		w.ready()
		p, changed := w.step(-1)
		if !changed && p.Requeue == 0 {
			return
		}
		if !changed {
			w.now = w.now.Add(p.Requeue)
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
