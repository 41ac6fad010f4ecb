package lifecycle

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// autoscalers are those of a run in a world, by the names of the ReplicaSets that they scale.
type autoscalers struct {
	of map[string]bounds
	// says is what that of the canary says since it is there: "" for nothing, "scales", or why it does not.
	says    string
	refused bool
}

type bounds struct{ least, most int32 }

func (w *world) autoscaler() Autoscaler {
	var out Autoscaler
	for _, name := range slices.Sorted(maps.Keys(w.scalers.of)) {
		if name != w.canaryName() {
			out.Left = append(out.Left, name)
			continue
		}
		b := w.scalers.of[name]
		out.Is, out.Whole, out.Least, out.Most = true, true, b.least, b.most
		switch w.scalers.says {
		case "", "scales":
			out.Active = w.scalers.says != ""
		default:
			out.Idle, out.Since = w.scalers.says, noon
		}
	}
	return out
}

// autoscalersDo takes an action on autoscalers, and holds the others against them: who takes the pods of a
// canary away has stopped its autoscaler, and so has who deletes its ReplicaSet.
func (w *world) autoscalersDo(action Action) (done, refused bool) {
	w.t.Helper()
	name := w.canaryName()
	switch a := action.(type) {
	case Autoscale:
		if w.scalers.refused {
			return true, true
		}
		if w.sets[name] == nil {
			w.t.Errorf("there is an autoscaler of a canary that is not there\n%s", w.tail())
		}
		if w.scalers.of == nil {
			w.scalers.of = map[string]bounds{}
		}
		w.scalers.of[name] = bounds{a.Least, a.Most}
		return true, false
	case StopAutoscaling:
		delete(w.scalers.of, a.Name)
		return true, false
	case EmptyLeftover:
		name = a.Name
	case DeleteLeftover:
		name = a.Name
	default:
		if !takesCanary(action) {
			return false, false
		}
	}
	if _, is := w.scalers.of[name]; is {
		w.t.Errorf("%s: the pods of %s go while an autoscaler scales it\n%s", describe(action), name, w.tail())
	}
	return false, false
}

// autoscalerHappens has the autoscaler of the canary scale it, or say why not. It scales within its bounds.
func (w *world) autoscalerHappens(what string) bool {
	verb, rest, _ := strings.Cut(what, " ")
	switch {
	case what == "is deleted by others":
		delete(w.scalers.of, w.canaryName())
	case what == "is refused":
		w.scalers.refused = true
	case what == "scales again":
		w.scalers.says = "scales"
	case verb == "scales":
		n, err := strconv.Atoi(strings.TrimPrefix(rest, "to "))
		b, is := w.scalers.of[w.canaryName()]
		if set := w.sets[w.canaryName()]; is && set != nil && set.Replicas > 0 {
			w.scale(w.canaryName(), min(max(int32(n), b.least), b.most))
		}
		w.scalers.says = "scales"
		return err == nil
	case verb == "says":
		w.scalers.says = rest
	default:
		return false
	}
	return true
}

// checkAutoscaler holds at every step: an ended run that asks for nothing more has no autoscaler left, and
// the number that an autoscaler chose within its bounds is not changed by a move that goes on measuring.
func (w *world) checkAutoscaler(in Snapshot, p Move) {
	w.t.Helper()
	if in.Run.Status.Phase.Ended() && len(p.Actions) == 0 && p.Requeue == 0 && len(w.scalers.of) > 0 {
		w.t.Fatalf("an ended run leaves autoscalers behind: %v\n%s", w.scalers.of, w.tail())
	}
	b, is := w.scalers.of[w.canaryName()]
	c := in.Canary
	if !is || c == nil || c.Replicas < b.least || c.Replicas > b.most || p.Status.Phase != v1alpha1.PhaseRunning || in.Run.Status.Phase != v1alpha1.PhaseRunning || w.most > 0 {
		return
	}
	for _, a := range p.Actions {
		if scales, ok := a.(ScaleCanary); ok && p.Status.Verdict == "" {
			w.t.Fatalf("the autoscaler has %d pods, from %d to %d, and the planner makes it %d\n%s", c.Replicas, b.least, b.most, scales.Replicas, w.tail())
		}
	}
}

// Whatever happens to runs whose canaries are scaled, the invariants hold, they come to rest, and no
// autoscaler is left.
func TestRandomTrajectoriesWithAutoscalers(t *testing.T) {
	scales := []string{"autoscaler scales to 1", "autoscaler scales to 3", "autoscaler scales to 12", "autoscaler says no metrics", "autoscaler is deleted by others",
		"pods are Ready", "policies allow 2", "policies allow 0"}
	scaled, ended := 0, 0
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(7, seed))
		w := randomWorld(t, random)
		plan := w.run.Spec.Plan
		if plan == nil || len(plan.Comparisons()) > 0 {
			continue
		}
		plan.Baseline, plan.Traffic = nil, &v1alpha1.Traffic{Source: v1alpha1.TrafficNone}
		plan.Scale = &v1alpha1.Scale{HPA: &v1alpha1.CanaryHPA{}}
		plan.SetDefaults()
		w.live(random, func(random *rand.Rand) string {
			if random.IntN(3) == 0 {
				return scales[random.IntN(len(scales))]
			}
			return someHappening(random)
		})
		if !mayRest(w) {
			t.Fatalf("seed %d: the run hangs in %s/%s:\n%s", seed, w.run.Status.Phase, w.run.Status.Reason, strings.Join(w.log, "\n"))
		}
		if w.wantTidy(); t.Failed() {
			t.Fatalf("seed %d:\n%s", seed, strings.Join(w.log, "\n"))
		}
		if w.run.Status.Phase.Ended() {
			ended++
			if len(w.scalers.of) > 0 || w.run.Status.Autoscaler != nil {
				t.Fatalf("seed %d: autoscalers are left: %v\n%s", seed, w.scalers.of, strings.Join(w.log, "\n"))
			}
		}
		if slices.ContainsFunc(w.log, func(line string) bool { return strings.Contains(line, "do Autoscale") }) {
			scaled++
		}
	}
	if scaled < 50 || ended < 50 {
		t.Errorf("%d had an autoscaler and %d ended, which shows little", scaled, ended)
	}
}
