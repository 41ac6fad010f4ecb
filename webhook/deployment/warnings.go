package deployment

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/reply"
)

// What users read below their command. Each says what became of the update and
// how to follow it or what to do instead.

func warnHeld(namespace, deployment string, r hold.Record) string {
	return fmt.Sprintf("update held: Deployment %s stays on its stable template while a canary tries the new one; follow it with: kubectl -n %s get canaryrun %s -w",
		deployment, namespace, r.Run)
}

func warnNotChecked(why error) string {
	return fmt.Sprintf("the API server could not be asked beforehand whether it accepts the new template (%v); if it does not, that shows at the release", why)
}

func warnMayNotSkip(lacks string) string {
	return fmt.Sprintf("annotation %s left aside: %s", v1alpha1.SkipAnnotation, lacks)
}

func warnSkipUnknown(why error) string {
	return fmt.Sprintf("annotation %s left aside: %v", v1alpha1.SkipAnnotation, why)
}

// warnReread is for who may take a text for that of before the update.
func warnReread(r hold.Record) string {
	return fmt.Sprintf("the text was read while an update was held, so it asks for that update too: run %s goes on; to withdraw it, apply the manifest of before, or take annotation %s off",
		r.Run, v1alpha1.HeldAnnotation)
}

func warnSuperseding(namespace string, was, is hold.Record) string {
	return fmt.Sprintf("update held in place of the one of run %s, which ends; follow it with: kubectl -n %s get canaryrun %s -w",
		was.Run, namespace, is.Run)
}

func warnWaiting(namespace string, first hold.Record) string {
	return fmt.Sprintf("update held: it is tried when run %s of the update before has ended, as the plan says (spec.newUpdates: Wait); to have it tried now, abort that: kubectl -n %s patch canaryrun %s --type=merge -p '{\"spec\":{\"decision\":\"Abort\"}}'",
		first.Run, namespace, first.Run)
}

func warnReturned(namespace string, r hold.Record) string {
	return fmt.Sprintf("this update is tried already, and the newer one that waited is withdrawn; follow it with: kubectl -n %s get canaryrun %s -w", namespace, r.Run)
}

func warnAlreadyHeld(namespace string, r hold.Record) string {
	return fmt.Sprintf("this update is held already; follow it with: kubectl -n %s get canaryrun %s -w", namespace, r.Run)
}

// warnBesideHeld is for who changes what is held beside a template and is not to be seen on the object.
func warnBesideHeld(r hold.Record, keys []string) string {
	return fmt.Sprintf("what the request says of %s belongs to the held update, and comes with its release (run %s); the Deployment keeps what its stable template has",
		annotationsNamed(keys), r.Run)
}

func warnBesideFailed(keys []string) string {
	return fmt.Sprintf("what the request says of %s was left out: it is taken to tell of the rejected update, which the Deployment does not run; to have it all the same, "+
		"apply the manifest of the stable template with it, or set %s to another value in the same request", annotationsNamed(keys), v1alpha1.RetryAnnotation)
}

func annotationsNamed(keys []string) string {
	if len(keys) == 1 {
		return "annotation " + keys[0]
	}
	return "annotations " + strings.Join(keys, ", ")
}

func warnPlanUnread(why error) string {
	return fmt.Sprintf("the plan could not be asked which annotations are held with the template (%v): only %s is", why, hold.ChangeCause)
}

func warnWithdrawn(r hold.Record, undone bool) string {
	if undone {
		return fmt.Sprintf("held update undone: the Deployment stays on its stable template, with the annotations it has now; run %s ends; undo once more to go to the revision before that", r.Run)
	}
	return fmt.Sprintf("held update withdrawn: the Deployment stays on its stable template; run %s ends", r.Run)
}

// warnStale tells of a text that was read while another update was held, or of
// another Deployment: it says what was stable there.
func warnStale(l hold.Label, stable hold.Hash, uid types.UID) string {
	when := "while an update was held that is held no more"
	switch {
	case l.UID != uid:
		when = "at another Deployment, on which an update was held"
	case l.Hash == stable:
		when = "while an update was held that was released since"
	}
	return fmt.Sprintf("the text was read %s (run %s): it asks for what stands in its spec.template, without that update", when, l.Run)
}

// warnCopy tells of a text that was read while an update was held, and that a
// Deployment is made of.
func warnCopy(l hold.Label) string {
	return fmt.Sprintf("the text was read while an update was held (run %s): the Deployment is made with the stable template of that time, without the held one; to have that, apply its manifest again",
		l.Run)
}

// warnTaken tells what an apply without force would have been refused for, had
// the API server seen the held template.
func (a *amendment) warnTaken(taken []replay.Conflict) {
	if len(taken) == 0 {
		return
	}
	const shown = 3
	var fields []string
	for _, c := range taken[:min(len(taken), shown)] {
		fields = append(fields, fmt.Sprintf("%s from %q", c.Field, c.Manager))
	}
	if len(taken) > shown {
		fields = append(fields, fmt.Sprintf("%d more", len(taken)-shown))
	}
	a.warn("in the held template this apply takes over " + strings.Join(fields, ", ") + ", as with --force-conflicts")
}

func warnRejected(namespace, deployment string, r hold.Rejection) string {
	if r.Passed {
		return fmt.Sprintf("not tried again: dry run %s of this template passed, and releases nothing. To try it again, or to release it by a plan without dryRun: kubectl -n %s annotate deployment %s --overwrite %s=%s, then apply it again",
			r.Run, namespace, deployment, v1alpha1.RetryAnnotation, r.Hash.Short())
	}
	return fmt.Sprintf("not tried again: run %s rejected this template (%s). To retry: kubectl -n %s annotate deployment %s --overwrite %s=%s, then apply it again",
		r.Run, r.Reason, namespace, deployment, v1alpha1.RetryAnnotation, r.Hash.Short())
}

// warnPassed is "" where there is nothing to tell.
func warnPassed(d decide.Decision, held bool, skip string) string {
	switch d.Reason {
	case decide.ReasonRollback:
		return "passed without a canary: the template is that of an earlier revision, and a rollback is never made to wait"
	case decide.ReasonScaledToZero:
		return "passed without a canary: the Deployment is scaled to zero, so there is nothing to protect"
	case decide.ReasonNoneReady:
		return "passed without a canary: no pod of the Deployment is Ready, so there is nothing to protect"
	case decide.ReasonRecreate:
		return "passed without a canary: spec.strategy.type of the Deployment is Recreate, which has no pod of two templates at once; " + waysBeside
	case decide.ReasonSkipped:
		return fmt.Sprintf("passed without a canary, as %s asks for this update: %s", v1alpha1.SkipAnnotation, skip)
	case decide.ReasonOptedOut:
		if held {
			return "the held update passes without a verdict: the Deployment is no longer guarded"
		}
	}
	return ""
}

const warnOwnAnnotation = "annotation " + v1alpha1.ReleaseAnnotation + " left out: only Holdfast itself releases a held update"

// warnDisabledInVain is for a Deployment that opts out where it cannot.
func warnDisabledInVain(by string) string {
	return fmt.Sprintf("annotation %s=%s counts for nothing here: %s has every Deployment of the namespace guarded",
		v1alpha1.CanaryAnnotation, v1alpha1.CanaryDisabled, by)
}

// tellDisabledInVain warns of it.
func tellDisabledInVain(d demand.Demands, u update) []string {
	if !d.Guarded() || u.New.Annotation(v1alpha1.CanaryAnnotation) != v1alpha1.CanaryDisabled {
		return nil
	}
	return []string{reply.Warning(warnDisabledInVain(d.GuardedBy))}
}
