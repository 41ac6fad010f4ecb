package lifecycle

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

var update = flag.Bool("update", false, "write the trajectories anew")

// trajectory is a file of testdata/trajectories: in comments what it proves,
// what is other than in newWorld ("plan:" and "run:", in YAML), then in the order
// of time what happens, behind "!", and what is expected to come of it: actions
// ("do"), events, and where the run stands (phase/reason verdict). The last line
// is a part of the last message.
type trajectory struct {
	name, head string
	plan, run  json.RawMessage
	happenings []happening
	log        []string
}

type happening struct {
	at   time.Duration
	what string
}

func readTrajectories(t *testing.T) []trajectory {
	t.Helper()
	files, err := filepath.Glob("testdata/trajectories/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no trajectories: %v", err)
	}
	var out []trajectory
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, readTrajectory(t, strings.TrimSuffix(filepath.Base(file), ".txt"), string(data)))
	}
	return out
}

func readTrajectory(t *testing.T, name, text string) trajectory {
	t.Helper()
	head, body, found := strings.Cut(text, "---\n")
	if !found {
		t.Fatalf("%s: no line --- between its head and its course", name)
	}
	out := trajectory{name: name, head: head}
	var said struct{ Plan, Run json.RawMessage }
	if err := yaml.UnmarshalStrict([]byte(head), &said); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out.plan, out.run = said.Plan, said.Run
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, " \n")
		out.log = append(out.log, line)
		at, what, _ := strings.Cut(line, " ")
		if what, happens := strings.CutPrefix(strings.TrimSpace(what), "! "); happens {
			time, err := time.ParseDuration(at)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out.happenings = append(out.happenings, happening{time, what})
		}
	}
	return out
}

// world is where a trajectory begins.
func (tr trajectory) world(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	if tr.run != nil {
		w.run.Spec = v1alpha1.CanaryRunSpec{Deployment: "web"}
		if err := json.Unmarshal(tr.run, &w.run.Spec); err != nil {
			t.Fatal(err)
		}
		w.deployment.Held, w.deployment.Guarded = w.run.Spec.Hold, !w.run.Spec.ByHand()
	}
	if tr.plan != nil {
		if w.run.Spec.Plan == nil {
			w.run.Spec.Plan = quickPlan()
		}
		if bytes.Contains(tr.plan, []byte(`"metrics":`)) { // which would be merged, element by element
			w.run.Spec.Plan.Analysis.Metrics = nil
		}
		if err := json.Unmarshal(tr.plan, w.run.Spec.Plan); err != nil {
			t.Fatal(err)
		}
		w.run.Spec.Plan.SetDefaults()
	}
	return w
}

// play plays a trajectory and returns its log.
func (tr trajectory) play(w *world) []string {
	w.t.Helper()
	for _, h := range tr.happenings {
		if until := noon.Add(h.at).Sub(w.now); until > 0 {
			w.runFor(until)
		}
		w.note("! %s", h.what)
		w.happen(h.what)
		w.runFor(0)
	}
	return append(w.log, "says "+w.run.Status.Message)
}

func TestTrajectories(t *testing.T) {
	for _, tr := range readTrajectories(t) {
		t.Run(tr.name, func(t *testing.T) {
			w := tr.world(t)
			got := tr.play(w)
			if *update {
				text := tr.head + "---\n" + strings.Join(got, "\n") + "\n"
				if err := os.WriteFile(filepath.Join("testdata/trajectories", tr.name+".txt"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(tr.log, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			w.wantTidy()
		})
	}
}

// A run that is killed before any of its writes, and started again, goes the
// same course: no action but is taken again at once, no event is told twice.
func TestKilledAnywhere(t *testing.T) {
	for _, tr := range readTrajectories(t) {
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			whole := tr.world(t)
			want := tr.play(whole)
			for kill := range whole.writes {
				w := tr.world(t)
				w.killAt = kill
				got := tr.play(w)
				if diff := cmp.Diff(tidiedLast(want), tidiedLast(withoutRepeats(want, got))); diff != "" {
					t.Fatalf("killed at write %d: -want +got:\n%s", kill, diff)
				}
				if w.created != whole.created || w.releases != whole.releases {
					t.Errorf("killed at write %d: %d canaries made and %d releases, want %d and %d",
						kill, w.created, w.releases, whole.created, whole.releases)
				}
				w.wantTidy()
			}
		})
	}
}

// A run whose evaluator dies with rounds in memory comes to the same end, by the same course and with the
// same counts: whoever goes on asks for the times of those rounds, unless something else has decided on the
// run in the same moment, a person is waited for, or a pod is not Ready any more. No round of it is written
// for a minute.
func TestKilledWithRoundsInMemory(t *testing.T) {
	t.Parallel()
	kills := 0
	for _, tr := range readTrajectories(t) {
		whole := tr.world(t)
		whole.every = time.Minute
		if diff := cmp.Diff(tr.log, tr.play(whole)); diff != "" {
			t.Fatalf("%s: with rounds in memory: -want +got:\n%s", tr.name, diff)
		}
		const most = 5 // of each, or it takes too long
		for i := 0; i < len(whole.knew); i += 1 + len(whole.knew)/most {
			step := whole.knew[i]
			w := tr.world(t)
			w.every, w.dieAt = time.Minute, step
			got := tr.play(w)
			w.wantTidy()
			if w.run.Status.Phase != whole.run.Status.Phase || w.run.Status.Verdict != whole.run.Status.Verdict {
				t.Fatalf("%s: killed before step %d the run is %s %s, and not %s %s", tr.name, step,
					w.run.Status.Phase, w.run.Status.Verdict, whole.run.Status.Phase, whole.run.Status.Verdict)
			}
			if w.letGo {
				continue
			}
			kills++
			if diff := cmp.Diff(tr.log, got) + cmp.Diff(countsOf(whole), countsOf(w)); diff != "" {
				t.Fatalf("%s: killed before step %d: -want +got:\n%s", tr.name, step, diff)
			}
		}
	}
	if kills < 60 {
		t.Errorf("killed %d times with rounds in memory, which is hardly a test", kills)
	}
}

// countsOf is what was counted of a run.
func countsOf(w *world) v1alpha1.CanaryRunStatus {
	s := w.input().Run.Status
	s.AsOf, s.Conditions = nil, nil
	return s
}

// withoutRepeats leaves out actions that were taken once more after a kill.
func withoutRepeats(want, got []string) []string {
	var out []string
	for i, line := range got {
		again := i > 0 && strings.Contains(line, " do ") && len(got)-i+len(out) > len(want) &&
			slices.Contains(out, line)
		if !again {
			out = append(out, line)
		}
	}
	return out
}

// tidiedLast puts the deletions of empty ReplicaSets, and of the Service of a canary that is gone, behind all
// else: they may come before the status that was to say why, when that was not written.
func tidiedLast(log []string) []string {
	deletes := func(line string) bool {
		return strings.Contains(line, " do Delete") || strings.Contains(line, " do StopServing")
	}
	return append(slices.DeleteFunc(slices.Clone(log), deletes),
		slices.DeleteFunc(slices.Clone(log), func(line string) bool { return !deletes(line) })...)
}

// wantTidy: rounds are counted once, and nothing is left over of an ended run.
func (w *world) wantTidy() {
	w.t.Helper()
	for at, n := range w.rounds {
		if n > 1 {
			w.t.Errorf("the round of %s was counted %d times", at, n)
		}
	}
	if w.releases > 1 {
		w.t.Errorf("%d releases", w.releases)
	}
	if w.run.Status.Phase.Ended() && len(w.sets) > 0 {
		w.t.Errorf("left over of an ended run: %v", w.sets)
	}
}

func TestColumns(t *testing.T) {
	w := newWorld(t)
	w.value = func(_ string, at time.Time) analysis.Observation {
		if at.Equal(noon.Add(8 * time.Second)) {
			return good(0.2)
		}
		return good(0)
	}
	columns := func() []string {
		s := w.run.Status
		return []string{string(s.Phase), s.Service, s.Scale, s.Traffic, s.Validation, s.Duration}
	}
	for _, tc := range []struct {
		do   func()
		want []string
	}{
		{func() { w.runFor(time.Second) }, []string{"Starting", "web", "0/1", "service", "", ""}},
		{func() { w.now = noon.Add(3 * time.Second); w.happen("pods are Ready"); w.runFor(0) }, []string{"Running", "web", "1/1", "service", "2/2", "0s/20s"}},
		{func() { w.runFor(11 * time.Second) }, []string{"Running", "web", "1/1", "service", "5/6", "10s/20s"}},
		{func() { w.runFor(10 * time.Second) }, []string{"Releasing", "web", "1/1", "service", "9/10", "20s/20s"}},
		{func() { w.rollout.State = RolloutComplete; w.runFor(time.Minute) }, []string{"Released", "web", "1/1", "service", "9/10", "20s/20s"}},
	} {
		tc.do()
		if diff := cmp.Diff(tc.want, columns()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// The columns of a run with steps are of all of them: two of 20 s each.
func TestColumnsWithSteps(t *testing.T) {
	w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
		small, half := int32(20), int32(50)
		s.Steps = []v1alpha1.Step{{PodShare: &small}, {PodShare: &half}}
	})
	columns := func() []string {
		s := w.run.Status
		return []string{string(s.Phase), s.Scale, s.Traffic, s.Validation, s.Duration}
	}
	for _, tc := range []struct {
		do   func()
		want []string
	}{
		{func() { w.start() }, []string{"Running", "1/1", "service 25%", "2/2", "0s/40s"}},
		{func() { w.runFor(15 * time.Second) }, []string{"Running", "1/1", "service 25%", "8/8", "15s/40s"}},
		{func() { w.runFor(10 * time.Second) }, []string{"Starting", "1/3", "service 50%", "10/10", "20s/40s"}},
		{func() { w.happen("pods are Ready"); w.runFor(5 * time.Second) }, []string{"Running", "3/3", "service 50%", "14/14", "25s/40s"}},
		{func() { w.runFor(15 * time.Second) }, []string{"Releasing", "3/3", "service 50%", "20/20", "40s/40s"}},
	} {
		tc.do()
		if diff := cmp.Diff(tc.want, columns()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

// Of three pods of the Deployment, one canary and one baseline, a fifth is the canary's.
func TestTheBaselineHasItsShare(t *testing.T) {
	w := newWorld(t, func(s *v1alpha1.CanaryPlanSpec) {
		fifth := int32(20)
		s.Steps, s.Baseline = []v1alpha1.Step{{PodShare: &fifth}}, &v1alpha1.Baseline{}
	})
	w.start()
	if got := w.run.Status; got.Scale != "1/1" || got.Traffic != "service 20%" {
		t.Errorf("scale %s, traffic %s", got.Scale, got.Traffic)
	}
}
