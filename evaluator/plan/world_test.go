package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

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
	canary     *Canary
	pods       []corev1.Pod
	invalid    string
	webhook    bool // is up
	refuse     bool // the API server refuses the release
	value      func(metric string, at time.Time) analysis.Observation

	created, releases int
	rounds            map[time.Time]int
	log               []string
}

func newWorld(t *testing.T, edit ...func(*v1alpha1.CanaryPlanSpec)) *world {
	max := 0.05
	spec := v1alpha1.CanaryPlanSpec{}
	spec.SetDefaults()
	spec.ReadyDeadline.Duration = time.Minute
	spec.Analysis.Interval.Duration = 5 * time.Second
	spec.Analysis.Period.Duration = 20 * time.Second
	spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "errors", Query: "up{ {{canary}} }", Range: v1alpha1.Range{Max: &max}}}
	for _, e := range edit {
		e(&spec)
	}
	return &world{
		t: t, now: noon, webhook: true, rounds: map[time.Time]int{},
		run: Run{Name: "web-held", Spec: v1alpha1.CanaryRunSpec{
			Deployment: "web", Hold: holdID, TemplateHash: heldHash, Plan: spec, PlanSource: "CanaryPlan default",
		}},
		deployment: Deployment{Exists: true, Guarded: true, Hash: stableHash, Replicas: 3, Held: holdID},
		rollout:    Rollout{State: RolloutComplete},
		value:      func(string, time.Time) analysis.Observation { return good(0.01) },
	}
}

func good(v float64) analysis.Observation {
	return analysis.Observation{Query: "up", Series: []analysis.Series{{Value: v}}}
}

func (w *world) input() Input {
	return Input{
		Now: w.now, Run: w.run, Deployment: w.deployment, Rollout: w.rollout,
		Canary: w.canary, Pods: w.pods, Service: "web", Invalid: w.invalid,
	}
}

// step plans and applies one step. It is killed before its write number
// killAt (actions count one each, then the status), or runs to its end if that
// is negative. It returns the plan and whether anything was changed,
// which would wake the run at once.
func (w *world) step(killAt int) (Plan, bool) {
	w.t.Helper()
	in := w.input()
	p := Next(in)
	if again := Next(w.input()); !reflect.DeepEqual(again, p) {
		w.t.Fatalf("one input, two plans:\n%+v\n%+v", p, again)
	}
	if !p.Measure.IsZero() {
		in.Round = &Round{At: p.Measure, Observations: map[string]analysis.Observation{
			"errors": w.value("errors", p.Measure),
		}}
		p = Next(in)
	}
	w.check(in, p)
	written := false
	for i, action := range p.Actions {
		if i == killAt {
			return p, written
		}
		deployment, canary := w.deployment, clone(w.canary)
		if !w.apply(action) {
			if refused, ok := Refused(in, action, "no such luck"); ok {
				p.Status = refused
			}
			break
		}
		written = written || deployment != w.deployment || !reflect.DeepEqual(canary, w.canary)
	}
	if len(p.Actions) == killAt {
		return p, written
	}
	return p, w.store(p.Status) || written
}

func clone(c *Canary) *Canary {
	if c == nil {
		return nil
	}
	copied := *c
	return &copied
}

// store keeps a status as the API server would: through JSON.
func (w *world) store(status v1alpha1.CanaryRunStatus) bool {
	if reflect.DeepEqual(w.run.Status, status) {
		return false
	}
	after, err := json.Marshal(status)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, turn := range Turns(w.run.Status, status) {
		w.note("event %s %s", turn.Kind, turn.Metric)
	}
	if status.Measured != w.run.Status.Measured {
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
	return true
}

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, strings.TrimSpace(fmt.Sprintf("%ds ", int(w.now.Sub(noon).Seconds()))+fmt.Sprintf(format, args...)))
}

func (w *world) apply(action Action) bool {
	w.note("do %T", action)
	switch a := action.(type) {
	case CreateCanary:
		if w.canary == nil {
			w.created++
			w.canary = &Canary{Replicas: a.Replicas}
			w.pods = nil
			for i := range a.Replicas {
				w.pods = append(w.pods, pod(fmt.Sprintf("web-held-%d", i), w.now))
			}
		}
	case ScaleCanary:
		w.canary.Replicas = a.Replicas
	case DeleteCanary:
		w.canary, w.pods = nil, nil
	case Release:
		if w.refuse {
			return false
		}
		if w.webhook && w.deployment.Held == a.Hold {
			w.releases++
			w.deployment.Held, w.deployment.Hash = "", heldHash
			w.rollout = Rollout{State: RolloutUnderWay}
		}
	case Revert:
		if w.deployment.Held == a.Hold {
			w.deployment.Held, w.deployment.Rejected = "", true
		}
	}
	return true
}

// check holds for every step of every trajectory.
func (w *world) check(in Input, p Plan) {
	w.t.Helper()
	old := in.Run.Status
	spec := in.Run.Spec
	if old.Phase.Ended() && (p.Status.Phase != old.Phase || p.Status.Reason != old.Reason) {
		w.t.Fatalf("an ended run moved from %s to %s", old.Phase, p.Status.Phase)
	}
	if old.Verdict != "" && p.Status.Verdict != old.Verdict {
		w.t.Fatalf("the verdict changed from %s to %s", old.Verdict, p.Status.Verdict)
	}
	if old.Verdict == "" && p.Status.Verdict != "" && len(p.Actions) > 0 {
		w.t.Fatalf("a verdict was written together with %v", p.Actions)
	}
	for _, action := range p.Actions {
		switch a := action.(type) {
		case Release:
			if a.Hold != spec.Hold || in.Deployment.Held != spec.Hold {
				w.t.Fatalf("release of a hold that has ended")
			}
			if old.Verdict != v1alpha1.VerdictPass && old.Reason != v1alpha1.ReasonUnguarded {
				w.t.Fatalf("release with verdict %q, reason %q", old.Verdict, old.Reason)
			}
			if old.Verdict == v1alpha1.VerdictPass && in.Now.Before(old.ReadyAt.Add(spec.Plan.Analysis.Period.Duration)) {
				w.t.Fatalf("release before the period is over")
			}
		case Revert:
			if a.Hold != spec.Hold || a.Rejection.Run != in.Run.Name || string(a.Rejection.Hash) != spec.TemplateHash {
				w.t.Fatalf("revert of something else: %+v", a)
			}
			if old.Verdict == "" && old.Reason != v1alpha1.ReasonReleaseRefused || old.Verdict == v1alpha1.VerdictPass && old.Reason != v1alpha1.ReasonReleaseRefused {
				w.t.Fatalf("revert with verdict %q, reason %q", old.Verdict, old.Reason)
			}
		case CreateCanary:
			if old.Verdict != "" || old.Phase.Ended() {
				w.t.Fatalf("a canary is made after the verdict")
			}
		}
	}
	if p.Status.Verdict == v1alpha1.VerdictPass && old.Verdict == "" {
		for _, name := range []string{analysis.Pods, "errors"} {
			if m, ok := analysis.Newest(analysis.Find(p.Status.Metrics, name)); !ok || m.Outcome != v1alpha1.OutcomePassed {
				w.t.Fatalf("passed with the last measurement of %s %+v", name, m)
			}
		}
	}
	if p.Requeue < 0 {
		w.t.Fatalf("requeue %s", p.Requeue)
	}
	if len(p.Status.Message) > maxMessage+3 {
		w.t.Fatalf("message of %d bytes", len(p.Status.Message))
	}
}

// runFor steps whenever a plan asks for it or something was written, like a work queue
// does, until the time is over or nothing more would happen.
func (w *world) runFor(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		p, written := w.step(-1)
		if written {
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

func (w *world) ready() {
	for i := range w.pods {
		w.pods[i].Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	}
	if w.canary != nil {
		w.canary.Available = w.canary.Replicas
	}
}

func pod(name string, at time.Time) corev1.Pod {
	start := metav1.NewTime(at)
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: start},
		Status:     corev1.PodStatus{StartTime: &start},
	}
}

func waiting(p corev1.Pod, reason, message string) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}
	return p
}

func restarted(p corev1.Pod, times int32) corev1.Pod {
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: "web", RestartCount: times,
		LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: 137, Reason: "OOMKilled",
		}},
	}}
	return p
}
