package lifecycle

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// hindrance is what keeps a run from having its canary made. Its zero value is nothing.
type hindrance struct {
	// phase is that of the run meanwhile, Waiting if it is ""; one that has ended is the end.
	phase           v1alpha1.Phase
	reason, message string
	// poll is how often to look whether it is over, until is when; zero is when something happens.
	poll  time.Duration
	until time.Time
	// takesDown says that there is to be no canary meanwhile.
	takesDown bool
}

// hindrances are looked for in this order.
var hindrances = []func(Snapshot, terms) hindrance{isEarly, planIsWrong, isPaused, hasNoReplicas, isAlone, rollsOut}

// StartTolerance is how long before the making of a run its time to start may
// lie. One that lies further back was meant for something else: to start at once
// would surprise, and to wait for it would be for ever.
const StartTolerance = 5 * time.Minute

// isEarly: the run waits for its time.
func isEarly(in Snapshot, t terms) hindrance {
	at := in.Run.Spec.StartAt
	if at == nil {
		return hindrance{}
	}
	if past := in.Run.CreatedAt.Sub(at.Time); t.byHand && past > StartTolerance {
		return hindrance{phase: v1alpha1.PhaseCanceled, reason: v1alpha1.ReasonStartAtInvalid, message: fmt.Sprintf(
			"startAt is %s, %s before the run was made; make another run with a time to come, or without startAt",
			at.UTC().Format(time.RFC3339), Short(past.Truncate(time.Second)))}
	}
	if in.Now.Before(at.Time) {
		return hindrance{phase: v1alpha1.PhaseScheduled, reason: v1alpha1.ReasonStartAt,
			message: "the canary is made at " + at.UTC().Format(time.RFC3339), until: at.Time}
	}
	return hindrance{}
}

// scaledToZero: who scales a Deployment to zero stops the application, and the canary is a part of it. One
// that a user made by hand is his.
var scaledToZero = hindrance{
	reason:    v1alpha1.ReasonScaledToZero,
	message:   "the Deployment is scaled to zero, and has no canary; it is made when there are replicas again",
	takesDown: true,
}

// hasNoReplicas: a Deployment that runs nothing has no canary either.
func hasNoReplicas(in Snapshot, t terms) hindrance {
	if t.byHand || in.Deployment.Replicas > 0 {
		return hindrance{}
	}
	return scaledToZero
}

// isPaused: who pauses a Deployment makes several changes that belong together, and half of them are not
// tried. Each change supersedes the one before, and what there is when it is resumed is tried as one.
func isPaused(in Snapshot, t terms) hindrance {
	if t.byHand || !in.Deployment.Paused {
		return hindrance{}
	}
	return hindrance{reason: v1alpha1.ReasonDeploymentPaused,
		message: "the Deployment is paused; what is held is tried when it is resumed (kubectl rollout resume)"}
}

// planIsWrong: a plan that cannot be followed waits for a better one.
func planIsWrong(in Snapshot, t terms) hindrance {
	if ref := in.Ref; in.Run.Spec.PlanRef != "" && in.Run.Status.Plan == nil && ref.Reason != "" {
		return hindrance{reason: ref.Reason, message: ref.Message}
	}
	if errs := query.ValidatePlan(t.plan, field.NewPath("spec")); len(errs) > 0 {
		source := in.Run.Spec.PlanSource
		if t.byHand {
			source = "spec.plan of this run; delete it and make another"
		}
		return hindrance{reason: v1alpha1.ReasonPlanInvalid,
			message: fmt.Sprintf("the plan (%s) cannot be followed: %s", source, errs.ToAggregate())}
	}
	if in.CaptureForbidden != "" {
		return hindrance{reason: v1alpha1.ReasonPlanInvalid, message: captureForbidden(in.CaptureForbidden)}
	}
	return hindrance{}
}

// captureForbidden tells of a plan that was good when the run was made, and that policies forbid since. The
// run keeps its plan, so another one is for the next.
func captureForbidden(why string) string {
	return "the plan of the run cannot be followed since policies changed: spec.probe.capture: " + why + ", and retry the update"
}

// isAlone: a run waits for a word.
func isAlone(in Snapshot, t terms) hindrance {
	if !t.isToBeAlone(in.Deployment) {
		return hindrance{}
	}
	return besideRecreate
}

// besideRecreate: the canary goes, and waits for a word.
var besideRecreate = hindrance{
	reason: v1alpha1.ReasonRecreate,
	message: "spec.strategy.type of the Deployment is Recreate, by which no canary runs beside it; " +
		"annotate the Deployment with " + v1alpha1.BesideRecreateAnnotation + "=true to have one all the same, or promote the run to release the update without",
	takesDown: true,
}
