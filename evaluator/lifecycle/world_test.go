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
	t           *testing.T
	now         time.Time
	run         Run
	deployment  Deployment
	rollout     RolloutProgress
	sets        map[string]*set
	ref         plan.Resolved
	line        Line
	invalid     string
	most        int32
	redirecting string // why policies forbid to redirect
	others      Others
	around      Around
	routes      routes
	scalers     autoscalers
	webhook     bool // is up
	refuse      bool // the API server refuses the release
	stretch     float64
	slow        bool   // pods take long to end
	full        string // why a quota leaves no room
	taken       bool   // by others
	// value answers the query of a metric.
	value func(metric string, at time.Time) analysis.Observation
	// killAt is the number of the write, and dieAt that of the step, from 0, before which the evaluator is
	// killed once; negative is never.
	killAt, writes int
	dieAt, steps   int
	// letGo says that the evaluator who took over had no reason to make up for rounds: something else moved the
	// run, a person decides, or a pod is not Ready.
	letGo bool
	// knew are the steps at whose beginning the evaluator knew more than is stored, of times that are over.
	knew []int
	// every is how often a status is written that has nothing new but good rounds. known is what the evaluator
	// knows beyond the status that is stored, nil if nothing, and since when it counts.
	every time.Duration
	known *v1alpha1.CanaryRunStatus
	since time.Time
	// hooks are the words with which they answer, one a question, the last one from then on; answers are what
	// the evaluator knows of that, and asked counts the times that a question was put.
	hooks   map[string][]string
	answers map[string]HookReply
	asked   map[string]int
	said    map[string]HookReply
	// answered is what Prometheus said once of a metric and a time: it says it again.
	answered map[string]map[time.Time]analysis.Observation

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
		t: t, now: noon, webhook: true, rounds: map[time.Time]int{}, sets: map[string]*set{}, killAt: -1, dieAt: -1,
		answered: map[string]map[time.Time]analysis.Observation{},
		hooks:    map[string][]string{}, answers: map[string]HookReply{}, asked: map[string]int{}, said: map[string]HookReply{},
		run: Run{Name: "web-held", Namespace: "shop", CreatedAt: noon, Spec: v1alpha1.CanaryRunSpec{
			Deployment: "web", Hold: holdID, TemplateHash: heldHash, Plan: spec, PlanSource: "CanaryPlan default",
		}},
		deployment: Deployment{Exists: true, Guarded: true, Hash: stableHash, Replicas: 3, Held: holdID},
		rollout:    RolloutProgress{State: RolloutComplete},
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
	run := w.run
	if w.known != nil {
		run.Status = *w.known
	}
	in := Snapshot{
		Now: w.now, Since: w.since, Stretch: w.stretch, Run: run, Deployment: w.deployment, Rollout: w.rollout, Service: "web", Invalid: w.invalid, MostPods: w.most, CaptureForbidden: w.redirecting, Ref: w.ref, Line: w.line, Others: w.others, Around: w.around,
		Answers: maps.Clone(w.answers),
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
	in.Autoscaler = w.autoscaler()
	in.Traffic = w.routes.view(SourceOf(in), readyPods(in.Pods))
	if w.taken || len(in.Pods)+len(in.BaselinePods) > 0 {
		in.Full = w.full
	}
	return in
}

// step plans and applies one step; killed says whether the evaluator was killed
// in it. It returns whether anything was changed, which would wake the run at once.
func (w *world) step() (p Move, changed, killed bool) {
	w.t.Helper()
	w.steps++
	if w.steps-1 == w.dieAt {
		w.die()
	}
	if w.known != nil && w.newestRound(*w.known).Before(w.now) {
		w.knew = append(w.knew, w.steps-1)
	}
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
	w.checkAutoscaler(in, p)
	if w.steps-1 == w.dieAt {
		w.letGo = !w.areReady(in) || in.Run.Status.Phase == v1alpha1.PhasePaused || p.Status.Phase != in.Run.Status.Phase || p.Status.Reason != in.Run.Status.Reason
	}
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
	defer func() { changed = w.put(p.Questions, killed) || changed }()
	if same := reflect.DeepEqual(in.Run.Status, p.Status); same && (w.known == nil || MayWait(in.Run.Status, p.Status, w.every, w.now)) {
		return p, changed, false
	}
	if MayWait(in.Run.Status, p.Status, w.every, w.now) {
		w.know(in.Run.Status, p.Status)
		if p.Requeue <= 0 {
			w.t.Fatal("nothing was written that would wake the run, and nothing else will")
		}
		return p, changed || p.Requeue == time.Millisecond, false // which is no time
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
		in.Round = &Round{At: ask.At, Observations: map[string]analysis.Observation{}, Answers: map[string]HookReply{}}
		for _, q := range ask.Questions {
			in.Round.Answers[q.Hook.Name] = w.say(q)
		}
		for _, m := range AnalysisOf(in).Metrics {
			in.Round.Observations[m.Name] = w.ask(m.Name, ask.At)
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
	if w.writes-1 != w.killAt {
		return false
	}
	w.die()
	return true
}

// die has another evaluator take over, who knows what is stored and nothing else.
func (w *world) die() {
	w.known, w.since = nil, w.now
	clear(w.answers)
	maps.DeleteFunc(w.rounds, func(at time.Time, _ int) bool { return at.After(w.newestRound(w.run.Status)) })
}

func (w *world) newestRound(status v1alpha1.CanaryRunStatus) time.Time {
	newest, _ := analysis.Newest(analysis.Find(status.Metrics, analysis.Pods))
	return newest.Time.Time
}

// ask asks Prometheus, which remembers.
func (w *world) ask(metric string, at time.Time) analysis.Observation {
	if w.answered[metric] == nil {
		w.answered[metric] = map[time.Time]analysis.Observation{}
	}
	answer, ok := w.answered[metric][at]
	if !ok {
		answer = w.value(metric, at)
		w.answered[metric][at] = answer
	}
	return answer
}

// put has hooks answer the questions of a plan that was carried out, and says whether any did.
func (w *world) put(questions []HookQuestion, killed bool) bool {
	if killed {
		return false
	}
	for _, q := range questions {
		w.answers[q.Hook.Name] = w.say(q)
	}
	return len(questions) > 0
}

// say is what a hook answers. It says the same to the same question, of a gate in the same moment.
func (w *world) say(q HookQuestion) HookReply {
	key := q.About
	if q.Hook.Type.IsGate() {
		key += w.now.String()
	}
	w.asked[q.About]++
	if a, said := w.said[key]; said {
		return a
	}
	a := HookReply{About: q.About, At: w.now, Said: v1alpha1.HookYes, Message: "200 OK"}
	words := w.hooks[q.Hook.Name]
	if len(words) == 0 {
		words = []string{"yes"}
		if q.Hook.Type == v1alpha1.HookRollback {
			words = []string{"no"}
		}
	}
	if len(words) > 1 {
		w.hooks[q.Hook.Name] = words[1:]
	}
	switch words[0] {
	case "yes":
	case "no":
		a.Said, a.Message = v1alpha1.HookNo, "403 Forbidden"
	case "none":
		a.Said, a.Message = v1alpha1.HookNone, "no answer within 10s"
	default:
		w.t.Fatalf("a hook says %q", words[0])
	}
	w.said[key] = a
	return a
}

// know keeps a status in memory.
func (w *world) know(before, status v1alpha1.CanaryRunStatus) {
	w.t.Helper()
	if happened := Transitions(before, status); len(happened) > 0 {
		w.t.Fatalf("what people are told of is in memory only: %v", happened)
	}
	w.countRounds(before, status)
	w.known = throughJSON(w.t, status)
}

// areReady says whether all pods of the run are.
func (w *world) areReady(in Snapshot) bool {
	return !slices.ContainsFunc(slices.Concat(in.Pods, in.BaselinePods), func(p corev1.Pod) bool { return !podIsReady(p) })
}

// fingerprint tells states of what actions write to apart.
func (w *world) fingerprint() string {
	var out strings.Builder
	fmt.Fprint(&out, w.deployment, w.routes, w.scalers)
	for _, name := range slices.Sorted(maps.Keys(w.sets)) {
		fmt.Fprint(&out, name, w.sets[name].Replicas, len(w.sets[name].pods))
		for _, p := range w.sets[name].pods {
			fmt.Fprint(&out, p.Labels)
		}
	}
	return out.String()
}

// countRounds counts the round that one status has and the one before it has not.
func (w *world) countRounds(before, status v1alpha1.CanaryRunStatus) {
	if AttemptOf(status) > AttemptOf(before) {
		clear(w.rounds) // which may come in the same second
	}
	if status.Measured > before.Measured {
		newest, _ := analysis.Newest(analysis.Find(status.Metrics, analysis.Pods))
		w.rounds[newest.Time.UTC()]++
	}
}

func throughJSON(t *testing.T, status v1alpha1.CanaryRunStatus) *v1alpha1.CanaryRunStatus {
	t.Helper()
	data, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	var out v1alpha1.CanaryRunStatus
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// store keeps a status as the API server would: through JSON.
func (w *world) store(status v1alpha1.CanaryRunStatus) {
	w.t.Helper()
	before := w.run.Status
	if w.known != nil {
		before = *w.known
	}
	for _, transition := range Transitions(before, status) {
		w.note("event %s %s", transition.Kind, transition.Metric)
	}
	w.countRounds(before, status)
	if status.Phase != w.run.Status.Phase || status.Verdict != w.run.Status.Verdict || status.Reason != w.run.Status.Reason {
		w.note("%s/%s %s", status.Phase, status.Reason, status.Verdict)
	}
	w.run.Status, w.known = *throughJSON(w.t, Written(status, w.now)), nil
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
