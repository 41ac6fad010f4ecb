package lifecycle

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plan"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) // a Sunday

const (
	heldHash   = "held"
	stableHash = "stable"
	holdID     = "hold-1"
)

// world is a cluster with one run in it, in plain values: what the API server
// stores, what the webhook and the kubelet would do, and what was done to it.
type world struct {
	t          *testing.T
	now        time.Time
	run        Run
	deployment Deployment
	rollout    Rollout
	sets       map[string]*set
	ref        plan.Resolved
	line       Line
	invalid    string
	most       int32
	others     Others
	around     Around
	routes     routes
	webhook    bool   // is up
	refuse     bool   // the API server refuses the release
	slow       bool   // pods take long to end
	full       string // why a quota leaves no room
	taken      bool   // by others
	// value answers the query of a metric.
	value func(metric string, at time.Time) analysis.Observation
	// killAt is the number of the write, from 0, before which the evaluator is
	// killed once; negative is never.
	killAt, writes int

	created, releases int
	rounds            map[time.Time]int
	log               []string
}

// set is a ReplicaSet with its pods.
type set struct {
	Canary
	pods []corev1.Pod
}

// newWorld has a run of one pod and a metric "errors" that may be at most 0.05,
// measured every 5 s for 20 s.
func newWorld(t *testing.T, edit ...func(*v1alpha1.CanaryPlanSpec)) *world {
	spec := quickPlan()
	for _, e := range edit {
		e(spec)
	}
	return &world{
		t: t, now: noon, webhook: true, rounds: map[time.Time]int{}, sets: map[string]*set{}, killAt: -1,
		run: Run{Name: "web-held", Namespace: "shop", CreatedAt: noon, Spec: v1alpha1.CanaryRunSpec{
			Deployment: "web", Hold: holdID, TemplateHash: heldHash, Plan: spec, PlanSource: "CanaryPlan default",
		}},
		deployment: Deployment{Exists: true, Guarded: true, Hash: stableHash, Replicas: 3, Held: holdID},
		rollout:    Rollout{State: RolloutComplete},
		value:      func(string, time.Time) analysis.Observation { return good(0.01) },
	}
}

func quickPlan() *v1alpha1.CanaryPlanSpec {
	most := 0.05
	spec := &v1alpha1.CanaryPlanSpec{}
	spec.SetDefaults()
	spec.ReadyDeadline.Duration = time.Minute
	spec.Analysis.Interval.Duration = 5 * time.Second
	spec.Analysis.Period.Duration = 20 * time.Second
	spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "errors", Query: "up{ {{canary}} }", Range: v1alpha1.Range{Max: &most}}}
	return spec
}

func good(v float64) analysis.Observation {
	return analysis.Observation{Answer: analysis.Answer{Query: "up", Series: []analysis.Series{{Value: v}}}}
}

func (w *world) canaryName() string {
	return v1alpha1.CanaryName(w.run.Name, AttemptOf(w.run.Status))
}

func (w *world) baselineName() string {
	return v1alpha1.BaselineName(w.run.Name, AttemptOf(w.run.Status))
}

func (w *world) input() Snapshot {
	in := Snapshot{
		Now: w.now, Run: w.run, Deployment: w.deployment, Rollout: w.rollout, Service: "web", Invalid: w.invalid, MostPods: w.most, Ref: w.ref, Line: w.line, Others: w.others, Around: w.around,
	}
	for _, name := range slices.Sorted(maps.Keys(w.sets)) {
		view, pods := w.sets[name].Canary, w.sets[name].pods
		view.Empty = view.Replicas == 0 && len(pods) == 0
		switch name {
		case w.canaryName():
			in.Canary, in.Pods = &view, pods
		case w.baselineName():
			in.Baseline, in.BaselinePods = &view, pods
		default:
			in.Leftovers = append(in.Leftovers, Leftover{name, view})
		}
	}
	in.Traffic = w.routes.view(readyPods(in.Pods))
	if w.taken || len(in.Pods)+len(in.BaselinePods) > 0 {
		in.Full = w.full
	}
	return in
}

// step plans and applies one step; killed says whether the evaluator was killed
// in it. It returns whether anything was changed, which would wake the run at once.
func (w *world) step() (p Move, changed, killed bool) {
	w.t.Helper()
	in := w.input()
	p = Next(in)
	if again := Next(w.input()); !reflect.DeepEqual(again, p) {
		w.t.Fatalf("one input, two plans:\n%+v\n%+v", p, again)
	}
	for asked := 0; p.Ask != nil; asked++ {
		if asked == 3 {
			w.t.Fatalf("it asks again and again: %+v", p)
		}
		in = w.lookUp(in, p.Ask)
		p = Next(in)
	}
	w.check(in, p)
	for _, action := range p.Actions {
		if w.dies() {
			return p, changed, true
		}
		before := w.fingerprint()
		if !w.apply(action) {
			if refused, ok := Refused(in, action, "no such luck"); ok {
				p.Status = refused
			}
			break
		}
		changed = changed || before != w.fingerprint()
	}
	if reflect.DeepEqual(w.run.Status, p.Status) {
		return p, changed, false
	}
	if w.dies() {
		return p, changed, true
	}
	w.store(p.Status)
	return p, true, false
}

// lookUp is the snapshot with the answer to what a plan asks.
func (w *world) lookUp(in Snapshot, ask Ask) Snapshot {
	switch ask := ask.(type) {
	case Measure:
		in.Round = &Round{At: ask.At, Observations: map[string]analysis.Observation{}}
		for _, m := range AnalysisOf(in).Metrics {
			in.Round.Observations[m.Name] = w.value(m.Name, ask.At)
		}
	case LookAround:
		in.Around.Now = true
	case CountPlaces:
		in.Line.Live = true
	}
	return in
}

// dies says whether the evaluator is killed before its next write.
func (w *world) dies() bool {
	w.writes++
	return w.writes-1 == w.killAt
}

// fingerprint tells states of what actions write to apart.
func (w *world) fingerprint() string {
	var out strings.Builder
	fmt.Fprint(&out, w.deployment, w.routes)
	for _, name := range slices.Sorted(maps.Keys(w.sets)) {
		fmt.Fprint(&out, name, w.sets[name].Replicas, len(w.sets[name].pods))
		for _, p := range w.sets[name].pods {
			fmt.Fprint(&out, p.Labels)
		}
	}
	return out.String()
}

// store keeps a status as the API server would: through JSON.
func (w *world) store(status v1alpha1.CanaryRunStatus) {
	after, err := json.Marshal(status)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, transition := range Transitions(w.run.Status, status) {
		w.note("event %s %s", transition.Kind, transition.Metric)
	}
	if AttemptOf(status) > AttemptOf(w.run.Status) {
		clear(w.rounds) // which may come in the same second
	}
	if status.Measured > w.run.Status.Measured {
		newest, _ := analysis.Newest(analysis.Find(status.Metrics, analysis.Pods))
		w.rounds[newest.Time.UTC()]++
	}
	if status.Phase != w.run.Status.Phase || status.Verdict != w.run.Status.Verdict || status.Reason != w.run.Status.Reason {
		w.note("%s/%s %s", status.Phase, status.Reason, status.Verdict)
	}
	var stored v1alpha1.CanaryRunStatus
	if err := json.Unmarshal(after, &stored); err != nil {
		w.t.Fatal(err)
	}
	w.run.Status = stored
}

func (w *world) note(format string, args ...any) {
	at := Short(w.now.Sub(noon).Truncate(time.Second))
	w.log = append(w.log, fmt.Sprintf("%-6s %s", at, strings.TrimSpace(fmt.Sprintf(format, args...))))
}

// runFor steps whenever a plan asks for it or something was written, like a work queue
// does, until the time is over or nothing more would happen.
func (w *world) runFor(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		p, changed, killed := w.step()
		if changed || killed {
			continue
		}
		if p.Requeue == 0 || w.now.Add(p.Requeue).After(end) {
			w.now = end
			return
		}
		w.now = w.now.Add(p.Requeue)
	}
	w.t.Fatalf("no rest after 10000 steps:\n%s", strings.Join(w.log[max(0, len(w.log)-30):], "\n"))
}

// start brings a world to the phase Running, 3 s after noon.
func (w *world) start() {
	w.runFor(3 * time.Second)
	w.happen("pods are Ready")
	w.runFor(0)
}
