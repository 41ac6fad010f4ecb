package tell

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
)

// Every transition has its words, with as many places as it is given, and no event is
// longer than the API takes.
func TestEveryTransitionIsTold(t *testing.T) {
	kinds := []lifecycle.TransitionKind{
		lifecycle.TransitionPlanInvalid, lifecycle.TransitionStarted, lifecycle.TransitionReady, lifecycle.TransitionFailed, lifecycle.TransitionErrors, lifecycle.TransitionNoData, lifecycle.TransitionPassed,
		lifecycle.TransitionFrozen, lifecycle.TransitionUnguarded, lifecycle.TransitionReleaseRefused, lifecycle.TransitionReleased, lifecycle.TransitionRolledOut, lifecycle.TransitionRolloutStuck,
		lifecycle.TransitionReverted, lifecycle.TransitionCanceled, lifecycle.TransitionSuperseded, lifecycle.TransitionScheduled, lifecycle.TransitionQueued, lifecycle.TransitionRetried, lifecycle.TransitionStep,
		lifecycle.TransitionPaused, lifecycle.TransitionInconclusive, lifecycle.TransitionResumed, lifecycle.TransitionPromoted, lifecycle.TransitionWindow, lifecycle.TransitionDryRun,
		lifecycle.TransitionNotCreated, lifecycle.TransitionTakenAway, lifecycle.TransitionShareLost, lifecycle.TransitionScaledToZero, lifecycle.TransitionDeploymentPaused,
		lifecycle.TransitionServiceLeft, lifecycle.TransitionReferenceGone, lifecycle.TransitionNotAutoscaled,
		lifecycle.TransitionRecreate, lifecycle.TransitionGivesWay,
		lifecycle.TransitionGateClosed, lifecycle.TransitionGateOpened, lifecycle.TransitionHookPassed, lifecycle.TransitionHookFailed,
		v1alpha1.EventHeld, v1alpha1.ReasonPolicyApplied, v1alpha1.EventRoomDoubtful, v1alpha1.EventAutoscalerCounts, v1alpha1.EventPodPutOut, v1alpha1.EventPodLeft,
		v1alpha1.EventPodQuarantined, v1alpha1.EventPodReadmitted, v1alpha1.EventPodNotQuarantined, v1alpha1.EventUpdatesTooFast,
	}
	if len(kinds) != len(ofRuns) {
		t.Errorf("%d kinds, %d forms", len(kinds), len(ofRuns))
	}
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Name: "web-x", UID: "x"}}
	for _, kind := range kinds {
		transition := lifecycle.Transition{Kind: kind, Reason: "Worse", Message: "because " + strings.Repeat("é", 1000)}
		if kind == lifecycle.TransitionFailed || kind == lifecycle.TransitionErrors || kind == lifecycle.TransitionNoData {
			transition.Metric, transition.Measurement = "errors", v1alpha1.Measurement{Range: "[0, 1]", Query: "up"}
			transition.Message = "because"
		}
		recorder := &eventRecorder{}
		Events{recorder}.Tell(About{Run: run}, transition)
		if len(recorder.events) != 1 || strings.Contains(recorder.events[0], "%!") || !strings.Contains(recorder.events[0], "because") || len(recorder.events[0]) > maxNote+100 {
			t.Errorf("%s: %v", kind, recorder.events)
		}
		ends := kind == lifecycle.TransitionReverted || kind == lifecycle.TransitionFrozen || kind == lifecycle.TransitionInconclusive
		if strings.Contains(recorder.events[0], "Worse: because") != ends {
			t.Errorf("%s: the reason of a verdict belongs to events that tell one: %v", kind, recorder.events)
		}
	}
}

// TestOfWhichObjectATransitionIsTold: of Deployment and run, of what there is of them, and of the Deployment
// alone where that says more than one run.
func TestOfWhichObjectATransitionIsTold(t *testing.T) {
	d := objects.Deployment{Unstructured: objects.NewDeployment()}
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Name: "web-x", UID: "x"}}
	for name, tc := range map[string]struct {
		about About
		kind  lifecycle.TransitionKind
		want  []string
	}{
		"both":            {About{d, run}, lifecycle.TransitionPassed, []string{"Deployment", "CanaryRun"}},
		"a start":         {About{d, run}, lifecycle.TransitionReady, []string{"Deployment"}},
		"run":             {About{Run: run}, lifecycle.TransitionReady, []string{"CanaryRun"}},
		"deployment":      {About{Deployment: d}, v1alpha1.ReasonSkipped, []string{"Deployment"}},
		"of several runs": {About{d, run}, v1alpha1.EventUpdatesTooFast, []string{"Deployment"}},
	} {
		recorder := &eventRecorder{}
		Events{recorder}.Tell(tc.about, lifecycle.Transition{Kind: tc.kind, Message: "because"})
		if !slices.Equal(recorder.about, tc.want) {
			t.Errorf("%s: told of %v, want %v", name, recorder.about, tc.want)
		}
	}
}

// TestAStartIsOneEvent, as far as it was written at once: what belongs to it joins the first of it, and
// nothing else does.
func TestAStartIsOneEvent(t *testing.T) {
	d := objects.Deployment{Unstructured: objects.NewDeployment()}
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Name: "web-x", UID: "x"}}
	held := lifecycle.Transition{Kind: v1alpha1.EventHeld, Message: "run web-x tries it"}
	started := lifecycle.Transition{Kind: lifecycle.TransitionStarted, Message: "the canary pods start"}
	doubtful := lifecycle.Transition{Kind: v1alpha1.EventRoomDoubtful, Message: "hm"}
	ready := lifecycle.Transition{Kind: lifecycle.TransitionReady, Message: "the canary is measured"}
	for name, tc := range map[string]struct {
		happened []lifecycle.Transition
		want     []string
	}{
		"all of it": {[]lifecycle.Transition{held, started, ready}, []string{
			"Normal Held: update held: run web-x tries it; the canary pods start; all canary pods are Ready, the canary is measured"}},
		"with a doubt": {[]lifecycle.Transition{held, doubtful, started}, []string{
			"Normal Held: update held: run web-x tries it; the canary pods start",
			"Warning RoomDoubtful: there may be no room for the canary of run web-x: hm", "Warning RoomDoubtful: there may be no room for the canary of run web-x: hm"}},
		"of a user's run": {[]lifecycle.Transition{started, ready}, []string{"Normal CanaryStarted: run web-x: the canary pods start; all canary pods are Ready, the canary is measured"}},
		"the end of it":   {[]lifecycle.Transition{ready}, []string{"Normal CanaryReady: run web-x: all canary pods are Ready, the canary is measured"}},
	} {
		recorder := &eventRecorder{}
		Events{recorder}.Tell(About{d, run}, tc.happened...)
		if !slices.Equal(recorder.events, tc.want) {
			t.Errorf("%s: told was %q, want %q", name, recorder.events, tc.want)
		}
	}
}

// Every reason that a verdict can have is explained where criteria are.
func TestReasonsOfVerdictsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/criteria/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reasons, found := strings.Cut(string(page), "## Reasons of verdicts")
	if !found {
		t.Fatal("the page has no section about them")
	}
	for _, reason := range verdictReasons {
		if !strings.Contains(reasons, "`"+reason+"`") {
			t.Errorf("%s is not there", reason)
		}
	}
}

// TestWhatIsToldIsPlain: text of others neither moves a terminal's cursor nor forges a line of its own.
func TestWhatIsToldIsPlain(t *testing.T) {
	recorder := &eventRecorder{}
	Events{recorder}.Tell(About{Run: &v1alpha1.CanaryRun{}}, lifecycle.Transition{Kind: v1alpha1.EventUpdatesTooFast, Message: "bad\x1b[2J\nlevel=info msg=\"released\"\u202e" + strings.Repeat("ä", maxNote)})
	note := strings.TrimPrefix(recorder.events[0], "Warning "+v1alpha1.EventUpdatesTooFast+": ")
	if !strings.HasPrefix(note, "bad\ufffd[2J level=info msg=\"released\"\ufffd") || len(note) > maxNote {
		t.Errorf("%d bytes: %q", len(note), note)
	}
}

// eventRecorder keeps the events, and the kinds of what they are about.
type eventRecorder struct{ events, about []string }

func (r *eventRecorder) Eventf(about, _ runtime.Object, kind, reason, _, format string, args ...any) {
	r.events = append(r.events, fmt.Sprintf("%s %s: %s", kind, reason, fmt.Sprintf(format, args...)))
	of := "CanaryRun"
	if _, isRun := about.(*v1alpha1.CanaryRun); !isRun {
		of = about.GetObjectKind().GroupVersionKind().Kind
	}
	r.about = append(r.about, of)
}
