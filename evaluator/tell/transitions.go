package tell

import (
	"fmt"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/policy"
)

// What follows are transitions that do not show in two statuses of a run.

// Held says that an update is held, and this run tries it.
func Held(run *v1alpha1.CanaryRun) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventHeld, Message: fmt.Sprintf(
		"run %s tries template %s (plan: %s), the Deployment stays on its stable template", run.Name, hold.Hash(run.Spec.TemplateHash).Short(), run.Spec.PlanSource)}
}

// PolicyApplied says that policies changed the plan of a run.
func PolicyApplied(run *v1alpha1.CanaryRun) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.ReasonPolicyApplied, Message: policy.Sentences(run.Spec.Policies, maxNote)}
}

// RoomDoubtful says that there may be no room for a canary.
func RoomDoubtful(doubts []string) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventRoomDoubtful, Message: strings.Join(doubts, "; ")}
}

// AutoscalerCounts says that an autoscaler counts the pods of a run.
func AutoscalerCounts(name string) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventAutoscalerCounts, Subject: name, Message: "HorizontalPodAutoscaler " + name +
		" counts its pods among those of the Deployment, as it counts surge pods: for memory, and for a canary without load, it may ask for a pod more " +
		"or less for each; metrics of type Object or External with an AverageValue count no pods"}
}

// PutOut says that a pod is deleted that others put among those of a run.
func PutOut(pod lifecycle.UnwantedPod) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventPodPutOut, Subject: pod.Name, Message: fmt.Sprintf(
		"pod %s is not one of it and is deleted: %s; it was neither counted nor measured", pod.Name, pod.Why)}
}

// DeletedLeft says that a pod is deleted that nothing else would delete.
func DeletedLeft(pod lifecycle.UnwantedPod) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventPodLeft, Subject: pod.Name, Message: fmt.Sprintf(
		"pod %s is deleted, for nothing else would: %s", pod.Name, pod.Why)}
}

// Quarantined says that a pod of a run is taken out of the application.
func Quarantined(run string, pod lifecycle.KeptPod) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventPodQuarantined, Subject: pod.Name, Message: fmt.Sprintf(
		"pod %s is in quarantine: %s; no Service, PodDisruptionBudget or autoscaler of the application counts it; look at it with "+
			"kubectl get pods -l %s=%s, and have such pods keep their labels by quarantine: Never in the plan",
		pod.Name, pod.Why, v1alpha1.RunLabel, run)}
}

// Readmitted says that a pod is one of the application again.
func Readmitted(pod lifecycle.KeptPod) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventPodReadmitted, Subject: pod.Name, Message: fmt.Sprintf(
		"pod %s is out of quarantine and has the labels of the application again", pod.Name)}
}

// NotQuarantined says that a pod could not be taken out of the application.
func NotQuarantined(pod lifecycle.KeptPod, why string) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventPodNotQuarantined, Subject: pod.Name, Message: fmt.Sprintf(
		"pod %s keeps its place in the application: %s", pod.Name, why)}
}

// Overtaken says that updates come faster than a canary takes. It is told anew for each further run, and of
// events the API keeps the first text.
func Overtaken(inARow int, since time.Time) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventUpdatesTooFast, Message: fmt.Sprintf(
		"updates come faster than a canary takes: %d in a row, since %s, were superseded before their runs had a verdict, and nothing was released. "+
			"Have the plan finish what is under way (spec.newUpdates: Wait), or end sooner (a shorter period); name annotations that are others at each sync in its spec.restartMarks; or update less often",
		inARow, since.UTC().Format(time.RFC3339))}
}

// What follows has no run.

// NoPlan says that a held update has no plan to be tried by.
func NoPlan(reason, message string) lifecycle.Transition {
	return lifecycle.Transition{Kind: lifecycle.TransitionKind(reason), Message: message}
}

// NotCreated says that the run of a held update is refused.
func NotCreated(message string) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventRunNotCreated, Message: message}
}

// NameTaken says that another run has the name of one to be made.
func NameTaken(message string) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventRunNameTaken, Message: message}
}

// RecordUnreadable says that a held record is dropped.
func RecordUnreadable(why error) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.ReasonRecordUnreadable, Message: fmt.Sprintf(
		"the held update is dropped and nothing of it was run: %s; apply it again", why)}
}

// RecordOfAnother says that a held record is dropped which is that of another Deployment.
func RecordOfAnother(l hold.Label) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.ReasonRecordUnreadable, Message: fmt.Sprintf(
		"it was made of the text of another Deployment, on which run %s tried template %s: this one runs what was stable there, and nothing is held; to have what was held there, apply its manifest again",
		l.Run, l.Hash.Short())}
}

// Ungated says that an update came that Holdfast was not asked about. Before is "" where the stamp is gone by
// which that would be known.
func Ungated(running, before hold.Hash, held bool) lifecycle.Transition {
	dropped := ""
	if held {
		dropped = "; the update that was held is older and is dropped"
	}
	if before == "" {
		return lifecycle.Transition{Kind: v1alpha1.EventUngatedUpdate, Message: fmt.Sprintf(
			"the Deployment was changed and Holdfast was not asked: the stamp that says which template was let through is gone, and it may run template %s without a canary%s",
			running.Short(), dropped)}
	}
	return lifecycle.Transition{Kind: v1alpha1.EventUngatedUpdate, Message: fmt.Sprintf(
		"the pod template was changed to %s (from %s) and Holdfast was not asked: there was no canary%s", running.Short(), before.Short(), dropped)}
}

// Skipped says that an update passed because its user asked for it.
func Skipped(s hold.Skipped) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.ReasonSkipped, Message: fmt.Sprintf(
		"template %s passed without a canary, as user %s asked: %s", s.Hash.Short(), s.User, s.Reason)}
}

// Untried says that an update passed because its Deployment is to be alone.
func Untried(s hold.Skipped) lifecycle.Transition {
	return lifecycle.Transition{Kind: v1alpha1.EventUntried, Message: fmt.Sprintf(
		"template %s passed without a canary, as user %s asked for it: spec.strategy.type is Recreate, by which no canary runs beside the Deployment; to have updates tried all the same, annotate it with %s=true or set besideRecreate: true in its plan",
		s.Hash.Short(), s.User, v1alpha1.BesideRecreateAnnotation)}
}
