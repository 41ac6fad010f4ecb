package evaluator

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/policy"
)

// announcer sends the evaluator's events. Each is about the Deployment and,
// where there is one, about the run too, so that describing either tells the story.
//
// Events of one reason and action about one object are counted together by the
// API, and of those only the first one's text is kept: the action of a
// measurement names its metric.
type announcer struct{ recorder events.EventRecorder }

// maxNote is the API's limit for the text of an event.
const maxNote = 1024

func (a announcer) both(d deployment, run *v1alpha1.CanaryRun, kind, reason, action, format string, args ...any) {
	if d.Unstructured != nil {
		a.one(d.Unstructured, run, kind, reason, action, format, args...)
		a.one(run, d.Unstructured, kind, reason, action, format, args...)
		return
	}
	a.one(run, nil, kind, reason, action, format, args...)
}

func (a announcer) one(about, related runtime.Object, kind, reason, action, format string, args ...any) {
	note := plaintext.Line(fmt.Sprintf(format, args...), maxNote)
	a.recorder.Eventf(about, related, kind, reason, action, "%s", note)
}

func (a announcer) held(d deployment, run *v1alpha1.CanaryRun, record hold.Record) {
	a.both(d, run, corev1.EventTypeNormal, v1alpha1.EventHeld, "Hold",
		"update held: run %s tries template %s (plan: %s), the Deployment stays on its stable template", run.Name, record.Hash.Short(), run.Spec.PlanSource)
}

func (a announcer) policyApplied(d deployment, run *v1alpha1.CanaryRun) {
	if changes := run.Spec.Policies; len(changes) > 0 {
		a.both(d, run, corev1.EventTypeNormal, v1alpha1.ReasonPolicyApplied, "FindPlan",
			"run %s is tried by a plan that policies changed: %s", run.Name, policy.Sentences(changes, maxNote))
	}
}

func (a announcer) putOut(d deployment, run *v1alpha1.CanaryRun, pod lifecycle.UnwantedPod) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodPutOut, "PutOut "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s is not one of run %s and is deleted: %s; it was neither counted nor measured", pod.Name, run.Name, pod.Why)
}

func (a announcer) deletedLeft(d deployment, run *v1alpha1.CanaryRun, pod lifecycle.UnwantedPod) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodLeft, "Delete "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s is deleted, for nothing else would: %s", pod.Name, pod.Why)
}

func (a announcer) noPlan(d deployment, reason, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, reason, "FindPlan", "%s", message)
}

func (a announcer) notCreated(d deployment, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventRunNotCreated, "CreateRun", "%s", message)
}

func (a announcer) nameTaken(d deployment, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventRunNameTaken, "CreateRun", "%s", message)
}

func (a announcer) recordUnreadable(d deployment, why error) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonRecordUnreadable, "DropRecord",
		"the held update is dropped and nothing of it was run: %s; apply it again", why)
}

func (a announcer) recordOfAnother(d deployment, l hold.Label) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonRecordUnreadable, "DropRecord",
		"it was made of the text of another Deployment, on which run %s tried template %s: this one runs what was stable there, and nothing is held; to have what was held there, apply its manifest again",
		l.Run, l.Hash.Short())
}

func (a announcer) ungated(d deployment, running, before hold.Hash, held bool) {
	dropped := ""
	if held {
		dropped = "; the update that was held is older and is dropped"
	}
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventUngatedUpdate, "Compare",
		"the pod template was changed to %s (from %s) and Holdfast was not asked: there was no canary%s", running.Short(), before.Short(), dropped)
}

func (a announcer) skipped(d deployment, s hold.Skipped) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonSkipped, "Skip",
		"template %s passed without a canary, as user %s asked: %s", s.Hash.Short(), s.User, s.Reason)
}

// transition tells of a transition of a run.
func (a announcer) transition(d deployment, run *v1alpha1.CanaryRun, t lifecycle.Transition) {
	form, ok := transitionForms[t.Kind]
	if !ok {
		return
	}
	action := form.action
	args := []any{run.Name, t.Message}
	switch t.Kind {
	case lifecycle.TransitionReverted, lifecycle.TransitionFrozen, lifecycle.TransitionInconclusive: // which kind of judge it was
		args = []any{run.Name, t.Reason + ": " + t.Message}
	}
	if t.Metric != "" {
		action += " " + t.Metric
		args = []any{run.Name, t.Metric, t.Message, t.Measurement.Range, t.Measurement.Query}
	}
	a.both(d, run, form.kind, string(t.Kind), action, form.format, args...)
}

// transitionForm is how a transition is told: formats get the run and the message, those of
// measurements the run, the metric, the message, the range and the query.
type transitionForm struct{ kind, action, format string }

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

var transitionForms = map[lifecycle.TransitionKind]transitionForm{
	lifecycle.TransitionPlanInvalid:      {warning, "FindPlan", "run %s waits: %s"},
	lifecycle.TransitionNotCreated:       {warning, "Start", "run %s waits: %s"},
	lifecycle.TransitionScheduled:        {normal, "Schedule", "run %s: %s"},
	lifecycle.TransitionDeploymentPaused: {normal, "Wait", "run %s waits: %s"},
	lifecycle.TransitionScaledToZero:     {normal, "Scale", "run %s waits: %s"},
	lifecycle.TransitionQueued:           {normal, "Queue", "run %s: %s"},
	lifecycle.TransitionRetried:          {normal, "Retry", "run %s: %s"},
	lifecycle.TransitionStarted:          {normal, "Start", "run %s: %s"},
	lifecycle.TransitionReady:            {normal, "Start", "run %s: all canary pods are Ready, %s"},
	lifecycle.TransitionFailed:           {warning, "Measure", "run %s: metric %s failed: %s; range %s; query: %s"},
	lifecycle.TransitionErrors:           {warning, "Measure", "run %s: metric %s could not be measured: %s; range %s; query: %s"},
	lifecycle.TransitionNoData:           {warning, "Measure", "run %s: metric %s has no data: %s; range %s; query: %s"},
	lifecycle.TransitionPassed:           {normal, "Judge", "run %s passed: %s; the held update is released"},
	lifecycle.TransitionStep:             {normal, "Step", "run %s: %s"},
	lifecycle.TransitionPaused:           {normal, "Pause", "run %s is paused: %s"},
	lifecycle.TransitionInconclusive:     {warning, "Judge", "run %s is inconclusive and paused; promote, abort or retry it, or apply another update: %s"},
	lifecycle.TransitionResumed:          {normal, "Resume", "run %s goes on: %s"},
	lifecycle.TransitionTakenAway:        {warning, "Measure", "run %s: %s"},
	lifecycle.TransitionPromoted:         {normal, "Promote", "run %s: %s; the held update is released"},
	lifecycle.TransitionWindow:           {normal, "Release", "run %s waits: %s"},
	lifecycle.TransitionDryRun:           {normal, "Judge", "run %s passed and releases nothing: %s"},
	lifecycle.TransitionFrozen:           {warning, "Judge", "run %s failed and is frozen, its canary stays for you to look at; promote, abort or retry it, or apply another update: %s"},
	lifecycle.TransitionUnguarded:        {warning, "Release", "run %s ends without a verdict: %s"},
	lifecycle.TransitionReleaseRefused:   {warning, "Release", "run %s: %s"},
	lifecycle.TransitionReleased:         {normal, "Release", "run %s: %s"},
	lifecycle.TransitionRolledOut:        {normal, "RollOut", "run %s: %s"},
	lifecycle.TransitionRolloutStuck:     {warning, "RollOut", "run %s: %s"},
	lifecycle.TransitionReverted:         {warning, "Revert", "run %s rejected the update, the Deployment stays on its stable template: %s"},
	lifecycle.TransitionCanceled:         {normal, "Cancel", "run %s canceled: %s"},
	lifecycle.TransitionSuperseded:       {normal, "Cancel", "run %s ended: %s"},
}
