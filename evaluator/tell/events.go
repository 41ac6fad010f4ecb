// Package tell says what the evaluator does: by events, about the Deployment and the run, and by metrics.
package tell

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/plaintext"
)

// About is what a transition happened to: a Deployment, a run of it, or both.
type About struct {
	Deployment objects.Deployment
	Run        *v1alpha1.CanaryRun
}

// Teller tells what happens, in its order: what is handed over together was written together. It may be told
// a thing twice: a transition of a run is known by the UID of that and its number.
type Teller interface {
	Tell(about About, happened ...lifecycle.Transition)
	// Delivered says up to which of a run's transitions, of those up to told that it was told, all have arrived.
	// The rest stay in the log of the run.
	Delivered(run types.UID, told int64) int64
}

// Tellers tell one after the other.
type Tellers []Teller

// Tell implements Teller.
func (all Tellers) Tell(about About, happened ...lifecycle.Transition) {
	for _, each := range all {
		each.Tell(about, happened...)
	}
}

// Delivered implements Teller.
func (all Tellers) Delivered(run types.UID, told int64) int64 {
	for _, each := range all {
		told = each.Delivered(run, told)
	}
	return told
}

// Events tells by events. Each is about the Deployment and, where there is one, about the run too, so that
// describing either tells the story. The story of a start is in the status of the run, and events are most of
// what it costs the API server: so that is told of the Deployment alone, and what of it comes together by one
// event.
//
// Events of one reason and action about one object are counted together by the API, and of those only the
// first one's text is kept: the action names the metric of a measurement, and the pod of what happened to
// one.
type Events struct{ Recorder events.EventRecorder }

// Limits of an event: of its text, by the API, and of a name in its action.
const (
	maxNote    = 1024
	maxSubject = 100
)

// formOf is the form of what is told, and its note.
func formOf(about About, t lifecycle.Transition) (form, string) {
	form, note := ofDeployments[t.Kind], t.Message
	if about.Run != nil {
		form = ofRuns[t.Kind]
		note = form.note(about.Run.Name, t)
	}
	if form.action == "" {
		form.kind, form.action = warning, "FindPlan" // why there is no plan, which has many reasons
	}
	return form, note
}

// Sentence is what is told in words, and whether it is a warning.
func Sentence(about About, t lifecycle.Transition) (note string, isWarning bool) {
	form, note := formOf(about, t)
	return note, form.kind == warning
}

// Kinds are all kinds of transitions that are told, sorted.
func Kinds() []string {
	out := []string{v1alpha1.ReasonPlanNotFound, v1alpha1.ReasonStartAtInvalid}
	for _, forms := range []map[lifecycle.TransitionKind]form{ofRuns, ofDeployments} {
		for kind := range forms {
			out = append(out, string(kind))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Delivered implements Teller: events are not waited for.
func (Events) Delivered(_ types.UID, told int64) int64 { return told }

// Tell implements Teller.
func (e Events) Tell(about About, happened ...lifecycle.Transition) {
	var joins []lifecycle.Transition
	if about.Run != nil {
		happened, joins = beginning(happened)
	}
	for _, t := range happened {
		if isBeginning(t) {
			e.tell(about, t, joins)
			joins = nil
		} else {
			e.tell(about, t, nil)
		}
	}
}

// isBeginning says whether a transition is one with which a run begins.
func isBeginning(t lifecycle.Transition) bool {
	return t.Kind == v1alpha1.EventHeld || ofRuns[t.Kind].joined != ""
}

// beginning takes those transitions out of some that join the first one of a beginning.
func beginning(happened []lifecycle.Transition) (rest, joins []lifecycle.Transition) {
	begun := false
	for _, t := range happened {
		if begun && ofRuns[t.Kind].joined != "" {
			joins = append(joins, t)
			continue
		}
		begun = begun || isBeginning(t)
		rest = append(rest, t)
	}
	return rest, joins
}

// tell tells a transition, and with it those that joined it.
func (e Events) tell(about About, t lifecycle.Transition, joins []lifecycle.Transition) {
	form, note := formOf(about, t)
	for _, j := range joins {
		note += "; " + fmt.Sprintf(ofRuns[j.Kind].joined, j.Message)
	}
	for _, named := range []string{t.Metric, t.Subject[:min(len(t.Subject), maxSubject)]} {
		if named != "" {
			form.action += " " + named
		}
	}
	hasDeployment := about.Deployment.Unstructured != nil
	switch {
	case about.Run == nil:
		e.event(about.Deployment.Unstructured, nil, form, t, note)
	case hasDeployment && form.deploymentOnly:
		e.event(about.Deployment.Unstructured, about.Run, form, t, note)
	case hasDeployment:
		e.event(about.Deployment.Unstructured, about.Run, form, t, note)
		e.event(about.Run, about.Deployment.Unstructured, form, t, note)
	default:
		e.event(about.Run, nil, form, t, note)
	}
}

func (e Events) event(about, related runtime.Object, form form, t lifecycle.Transition, note string) {
	e.Recorder.Eventf(about, related, form.kind, string(t.Kind), form.action, "%s", plaintext.Line(note, maxNote))
}

// note is the text of an event about a run.
func (f form) note(run string, t lifecycle.Transition) string {
	switch t.Kind {
	case lifecycle.TransitionReverted, lifecycle.TransitionFrozen, lifecycle.TransitionInconclusive: // which kind of judge it was
		return fmt.Sprintf(f.format, run, t.Reason+": "+t.Message)
	}
	switch {
	case f.format == "":
		return t.Message
	case t.Metric != "":
		return fmt.Sprintf(f.format, run, t.Metric, t.Message, t.Measurement.Range, t.Measurement.Query)
	}
	return fmt.Sprintf(f.format, run, t.Message)
}

// form is how a transition is told: formats get the run and the message, those of measurements the run, the
// metric, the message, the range and the query; without one the message is all.
type form struct {
	kind, action, format string
	// joined is how it is told as a part of another, with the message, "" of what never is.
	joined string
	// deploymentOnly says that it is of no use to who looks at the run, or stands in its status.
	deploymentOnly bool
}

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

// ofDeployments are those of what has no run.
var ofDeployments = map[lifecycle.TransitionKind]form{
	v1alpha1.EventRunNotCreated:     {kind: warning, action: "CreateRun"},
	v1alpha1.EventRunNameTaken:      {kind: warning, action: "CreateRun"},
	v1alpha1.ReasonRecordUnreadable: {kind: warning, action: "DropRecord"},
	v1alpha1.EventUngatedUpdate:     {kind: warning, action: "Compare"},
	v1alpha1.ReasonSkipped:          {kind: warning, action: "Skip"},
	v1alpha1.EventUntried:           {kind: warning, action: "Pass"},
}

var ofRuns = map[lifecycle.TransitionKind]form{
	v1alpha1.EventHeld:              {kind: normal, action: "Hold", format: "update held: %[2]s", deploymentOnly: true},
	v1alpha1.ReasonPolicyApplied:    {kind: normal, action: "FindPlan", format: "run %s is tried by a plan that policies changed: %s"},
	v1alpha1.EventRoomDoubtful:      {kind: warning, action: "Hold", format: "there may be no room for the canary of run %s: %s"},
	v1alpha1.EventAutoscalerCounts:  {kind: normal, action: "Autoscale", format: "run %s: %s"},
	v1alpha1.EventPodPutOut:         {kind: warning, action: "PutOut", format: "run %s: %s"},
	v1alpha1.EventPodLeft:           {kind: warning, action: "Delete", format: "run %s: %s"},
	v1alpha1.EventPodQuarantined:    {kind: warning, action: "Quarantine", format: "run %s: %s"},
	v1alpha1.EventPodReadmitted:     {kind: normal, action: "Readmit", format: "run %s: %s"},
	v1alpha1.EventPodNotQuarantined: {kind: warning, action: "Quarantine", format: "run %s: %s"},
	v1alpha1.EventUpdatesTooFast:    {kind: warning, action: "Supersede", deploymentOnly: true},

	lifecycle.TransitionPlanInvalid:      {kind: warning, action: "FindPlan", format: "run %s waits: %s"},
	lifecycle.TransitionNotCreated:       {kind: warning, action: "Start", format: "run %s waits: %s"},
	lifecycle.TransitionScheduled:        {kind: normal, action: "Schedule", format: "run %s: %s"},
	lifecycle.TransitionDeploymentPaused: {kind: normal, action: "Wait", format: "run %s waits: %s"},
	lifecycle.TransitionScaledToZero:     {kind: normal, action: "Scale", format: "run %s waits: %s"},
	lifecycle.TransitionRecreate:         {kind: warning, action: "Wait", format: "run %s waits: %s"},
	lifecycle.TransitionGivesWay:         {kind: normal, action: "Release", format: "run %s: %s"},
	lifecycle.TransitionQueued:           {kind: normal, action: "Queue", format: "run %s: %s"},
	lifecycle.TransitionServiceLeft:      {kind: warning, action: "Look", format: "run %s: %s"},
	lifecycle.TransitionNotAutoscaled:    {kind: warning, action: "Autoscale", format: "run %s: %s"},
	lifecycle.TransitionReferenceGone:    {kind: warning, action: "Look", format: "run %s: %s"},
	lifecycle.TransitionRetried:          {kind: normal, action: "Retry", format: "run %s: %s"},
	lifecycle.TransitionStarted:          {kind: normal, action: "Start", format: "run %s: %s", joined: "%s", deploymentOnly: true},
	lifecycle.TransitionReady:            {kind: normal, action: "Start", format: "run %s: all canary pods are Ready, %s", joined: "all canary pods are Ready, %s", deploymentOnly: true},
	lifecycle.TransitionFailed:           {kind: warning, action: "Measure", format: "run %s: metric %s failed: %s; range %s; query: %s"},
	lifecycle.TransitionErrors:           {kind: warning, action: "Measure", format: "run %s: metric %s could not be measured: %s; range %s; query: %s"},
	lifecycle.TransitionNoData:           {kind: warning, action: "Measure", format: "run %s: metric %s has no data: %s; range %s; query: %s"},
	lifecycle.TransitionPassed:           {kind: normal, action: "Judge", format: "run %s passed: %s; the held update is released"},
	lifecycle.TransitionStep:             {kind: normal, action: "Step", format: "run %s: %s"},
	lifecycle.TransitionPaused:           {kind: normal, action: "Pause", format: "run %s is paused: %s"},
	lifecycle.TransitionInconclusive:     {kind: warning, action: "Judge", format: "run %s is inconclusive and paused; promote, abort or retry it, or apply another update: %s"},
	lifecycle.TransitionGateClosed:       {kind: normal, action: "Ask", format: "run %s waits at a gate: %s"},
	lifecycle.TransitionGateOpened:       {kind: normal, action: "Ask", format: "run %s: a gate is open: %s"},
	lifecycle.TransitionHookPassed:       {kind: normal, action: "Ask", format: "run %s: %s"},
	lifecycle.TransitionHookFailed:       {kind: warning, action: "Ask", format: "run %s: %s"},
	lifecycle.TransitionResumed:          {kind: normal, action: "Resume", format: "run %s goes on: %s"},
	lifecycle.TransitionShareLost:        {kind: warning, action: "Measure", format: "run %s: %s"},
	lifecycle.TransitionTakenAway:        {kind: warning, action: "Measure", format: "run %s: %s"},
	lifecycle.TransitionPromoted:         {kind: normal, action: "Promote", format: "run %s: %s; the held update is released"},
	lifecycle.TransitionWindow:           {kind: normal, action: "Release", format: "run %s waits: %s"},
	lifecycle.TransitionDryRun:           {kind: normal, action: "Judge", format: "run %s passed and releases nothing: %s"},
	lifecycle.TransitionFrozen:           {kind: warning, action: "Judge", format: "run %s failed and is frozen, its canary stays for you to look at; promote, abort or retry it, or apply another update: %s"},
	lifecycle.TransitionUnguarded:        {kind: warning, action: "Release", format: "run %s ends without a verdict: %s"},
	lifecycle.TransitionReleaseRefused:   {kind: warning, action: "Release", format: "run %s: %s"},
	lifecycle.TransitionReleased:         {kind: normal, action: "Release", format: "run %s: %s"},
	lifecycle.TransitionRolledOut:        {kind: normal, action: "RollOut", format: "run %s: %s"},
	lifecycle.TransitionRolloutStuck:     {kind: warning, action: "RollOut", format: "run %s: %s"},
	lifecycle.TransitionReverted:         {kind: warning, action: "Revert", format: "run %s rejected the update, the Deployment stays on its stable template: %s"},
	lifecycle.TransitionCanceled:         {kind: normal, action: "Cancel", format: "run %s canceled: %s"},
	lifecycle.TransitionSuperseded:       {kind: normal, action: "Cancel", format: "run %s ended: %s"},
}
