// Package tell says what the evaluator does: by events, about the Deployment and the run, and by metrics.
package tell

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/policy"
)

// Announcer sends the evaluator's events. Each is about the Deployment and,
// where there is one, about the run too, so that describing either tells the story.
//
// Events of one reason and action about one object are counted together by the
// API, and of those only the first one's text is kept: the action of a
// measurement names its metric.
type Announcer struct{ Recorder events.EventRecorder }

// maxNote is the API's limit for the text of an event.
const maxNote = 1024

func (a Announcer) both(d objects.Deployment, run *v1alpha1.CanaryRun, kind, reason, action, format string, args ...any) {
	if d.Unstructured != nil {
		a.one(d.Unstructured, run, kind, reason, action, format, args...)
		a.one(run, d.Unstructured, kind, reason, action, format, args...)
		return
	}
	a.one(run, nil, kind, reason, action, format, args...)
}

func (a Announcer) one(about, related runtime.Object, kind, reason, action, format string, args ...any) {
	note := plaintext.Line(fmt.Sprintf(format, args...), maxNote)
	a.Recorder.Eventf(about, related, kind, reason, action, "%s", note)
}

// Held tells that an update is held and which run tries it.
func (a Announcer) Held(d objects.Deployment, run *v1alpha1.CanaryRun, record hold.Record) {
	a.both(d, run, corev1.EventTypeNormal, v1alpha1.EventHeld, "Hold",
		"update held: run %s tries template %s (plan: %s), the Deployment stays on its stable template", run.Name, record.Hash.Short(), run.Spec.PlanSource)
}

// PolicyApplied tells what policies changed of the plan of a run.
func (a Announcer) PolicyApplied(d objects.Deployment, run *v1alpha1.CanaryRun) {
	if changes := run.Spec.Policies; len(changes) > 0 {
		a.both(d, run, corev1.EventTypeNormal, v1alpha1.ReasonPolicyApplied, "FindPlan",
			"run %s is tried by a plan that policies changed: %s", run.Name, policy.Sentences(changes, maxNote))
	}
}

// PutOut tells that a pod is deleted that others put among those of a run.
func (a Announcer) PutOut(d objects.Deployment, run *v1alpha1.CanaryRun, pod lifecycle.UnwantedPod) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodPutOut, "PutOut "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s is not one of run %s and is deleted: %s; it was neither counted nor measured", pod.Name, run.Name, pod.Why)
}

// DeletedLeft tells that a pod is deleted that nothing else would delete.
func (a Announcer) DeletedLeft(d objects.Deployment, run *v1alpha1.CanaryRun, pod lifecycle.UnwantedPod) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodLeft, "Delete "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s is deleted, for nothing else would: %s", pod.Name, pod.Why)
}

// AutoscalerCounts tells that an autoscaler counts the pods of a run.
func (a Announcer) AutoscalerCounts(d objects.Deployment, run *v1alpha1.CanaryRun, name string) {
	a.both(d, run, corev1.EventTypeNormal, v1alpha1.EventAutoscalerCounts, "Autoscale "+name[:min(len(name), 100)],
		"HorizontalPodAutoscaler %s counts the pods of run %s among those of the Deployment, as it counts surge pods: for memory, and for a canary "+
			"without load, it may ask for a pod more or less for each; metrics of type Object or External with an AverageValue count no pods", name, run.Name)
}

// Quarantined tells that a pod is taken out of the application.
func (a Announcer) Quarantined(d objects.Deployment, run *v1alpha1.CanaryRun, pod lifecycle.KeptPod) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodQuarantined, "Quarantine "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s of run %s is in quarantine: %s; no Service, PodDisruptionBudget or autoscaler of the application counts it; look at it with "+
			"kubectl get pods -l %s=%s, and have such pods keep their labels by quarantine: Never in the plan",
		pod.Name, run.Name, pod.Why, v1alpha1.RunLabel, run.Name)
}

// Readmitted tells that a pod is one of the application again.
func (a Announcer) Readmitted(d objects.Deployment, run *v1alpha1.CanaryRun, pod lifecycle.KeptPod) {
	a.both(d, run, corev1.EventTypeNormal, v1alpha1.EventPodReadmitted, "Readmit "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s of run %s is out of quarantine and has the labels of the application again", pod.Name, run.Name)
}

// NotLabeled tells that a pod could not be taken out of the application.
func (a Announcer) NotLabeled(d objects.Deployment, run *v1alpha1.CanaryRun, pod lifecycle.KeptPod, why string) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventPodNotQuarantined, "Quarantine "+pod.Name[:min(len(pod.Name), 100)],
		"pod %s of run %s keeps its place in the application: %s", pod.Name, run.Name, why)
}

// NoPlan tells why a held update has no plan to be tried by.
func (a Announcer) NoPlan(d objects.Deployment, reason, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, reason, "FindPlan", "%s", message)
}

// NotCreated tells that the run of a held update is refused.
func (a Announcer) NotCreated(d objects.Deployment, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventRunNotCreated, "CreateRun", "%s", message)
}

// NameTaken tells that another run has the name of one to be made.
func (a Announcer) NameTaken(d objects.Deployment, message string) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventRunNameTaken, "CreateRun", "%s", message)
}

// RecordUnreadable tells that a held record is dropped.
func (a Announcer) RecordUnreadable(d objects.Deployment, why error) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonRecordUnreadable, "DropRecord",
		"the held update is dropped and nothing of it was run: %s; apply it again", why)
}

// RecordOfAnother tells that a held record is dropped which is that of another Deployment.
func (a Announcer) RecordOfAnother(d objects.Deployment, l hold.Label) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonRecordUnreadable, "DropRecord",
		"it was made of the text of another Deployment, on which run %s tried template %s: this one runs what was stable there, and nothing is held; to have what was held there, apply its manifest again",
		l.Run, l.Hash.Short())
}

// Ungated tells of an update that Holdfast was not asked about. Before is "" where the stamp is gone by which that
// would be known.
func (a Announcer) Ungated(d objects.Deployment, running, before hold.Hash, held bool) {
	dropped := ""
	if held {
		dropped = "; the update that was held is older and is dropped"
	}
	if before == "" {
		a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventUngatedUpdate, "Compare",
			"the Deployment was changed and Holdfast was not asked: the stamp that says which template was let through is gone, and it may run template %s without a canary%s",
			running.Short(), dropped)
		return
	}
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventUngatedUpdate, "Compare",
		"the pod template was changed to %s (from %s) and Holdfast was not asked: there was no canary%s", running.Short(), before.Short(), dropped)
}

// Overtaken is told anew for each further run, and only its first text is kept.
func (a Announcer) Overtaken(d objects.Deployment, inARow int, since time.Time) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventUpdatesTooFast, "Supersede",
		"updates come faster than a canary takes: %d in a row, since %s, were superseded before their runs had a verdict, and nothing was released. "+
			"Have the plan finish what is under way (spec.newUpdates: Wait), or end sooner (a shorter period); name annotations that are others at each sync in its spec.restartMarks; or update less often",
		inARow, since.UTC().Format(time.RFC3339))
}

// Skipped tells of an update that passed because its user asked for it.
func (a Announcer) Skipped(d objects.Deployment, s hold.Skipped) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.ReasonSkipped, "Skip",
		"template %s passed without a canary, as user %s asked: %s", s.Hash.Short(), s.User, s.Reason)
}

// Untried tells of an update that passed because its Deployment is to be alone.
func (a Announcer) Untried(d objects.Deployment, s hold.Skipped) {
	a.one(d.Unstructured, nil, corev1.EventTypeWarning, v1alpha1.EventUntried, "Pass",
		"template %s passed without a canary, as user %s asked for it: spec.strategy.type is Recreate, by which no canary runs beside the Deployment; to have updates tried all the same, annotate it with %s=true or set besideRecreate: true in its plan",
		s.Hash.Short(), s.User, v1alpha1.BesideRecreateAnnotation)
}

// RoomDoubtful tells that there may be no room for a canary.
func (a Announcer) RoomDoubtful(d objects.Deployment, run *v1alpha1.CanaryRun, doubts []string) {
	a.both(d, run, corev1.EventTypeWarning, v1alpha1.EventRoomDoubtful, "Hold",
		"there may be no room for the canary of run %s: %s", run.Name, strings.Join(doubts, "; "))
}

// Transition tells of a transition of a run.
func (a Announcer) Transition(d objects.Deployment, run *v1alpha1.CanaryRun, t lifecycle.Transition) {
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
	lifecycle.TransitionRecreate:         {warning, "Wait", "run %s waits: %s"},
	lifecycle.TransitionGivesWay:         {normal, "Release", "run %s: %s"},
	lifecycle.TransitionQueued:           {normal, "Queue", "run %s: %s"},
	lifecycle.TransitionServiceLeft:      {warning, "Look", "run %s: %s"},
	lifecycle.TransitionReferenceGone:    {warning, "Look", "run %s: %s"},
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
