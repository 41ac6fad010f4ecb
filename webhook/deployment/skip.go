package deployment

import (
	"context"
	"fmt"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/reply"
)

// findSkip finds out whether a request may go without a canary. The API server
// is asked only if that would make a difference.
//
// Who may not is told so: a request that itself asks for it is refused, another
// one is held as if nothing had been asked. If nobody knows, it is held too: to
// hold is the safe side, in every namespace.
func (h *Handler) findSkip(ctx context.Context, user authenticationv1.UserInfo, r *request, w wanted) (skip bool, warnings []string, err error) {
	if !r.asksToSkip(w) {
		return false, nil, nil
	}
	if decide.Decide(h.decisionInput(r, w, true)).Reason != decide.ReasonSkipped {
		return false, nil, nil
	}
	lacks, err := h.Access.Lacks(ctx, r.demands.Effective, user, r.namespace)
	switch {
	case err != nil:
		return false, []string{reply.Warning(warnSkipUnknown(err))}, nil
	case lacks == "":
		return true, nil, nil
	case r.setsSkip():
		return false, nil, mayNotSkip(lacks)
	}
	return false, []string{reply.Warning(warnMayNotSkip(lacks))}, nil
}

// asksToSkip: the annotation has a value that is not used up, and the request
// brings a template or sets the annotation itself. An unrelated request, which
// may be that of a controller with every permission, lets nothing through
// because somebody else has set the annotation.
func (r *request) asksToSkip(w wanted) bool {
	value := r.New.Annotation(v1alpha1.SkipAnnotation)
	used, _ := hold.ParseSkipped(r.Old.Annotation(v1alpha1.SkippedAnnotation)) // what cannot be read was used by nobody
	return value != "" && value != used.Reason && (r.touched() || r.asksForImage(w.wish.Rule) || r.setsSkip())
}

func (u update) setsSkip() bool {
	return u.New.Annotation(v1alpha1.SkipAnnotation) != u.Old.Annotation(v1alpha1.SkipAnnotation)
}

// spendSkip uses up a value that lets nothing more through: the one that a
// rollback brings back with the annotations of an earlier revision, by which
// nobody asks for anything, and the one that a Deployment is made with.
func (u update) spendSkip(a *amendment) error {
	value := u.New.Annotation(v1alpha1.SkipAnnotation)
	if value == "" || !u.setsSkip() {
		return nil
	}
	skipped, _ := hold.ParseSkipped(u.Old.Annotation(v1alpha1.SkippedAnnotation))
	skipped.Reason = value
	encoded, err := skipped.Encode()
	if err != nil {
		return err
	}
	a.set(v1alpha1.SkippedAnnotation, encoded)
	return nil
}

func mayNotSkip(lacks string) error {
	return reply.Refusal{
		Message: fmt.Sprintf("metadata.annotations[%s]: %s; leave the annotation out and the update is tried", v1alpha1.SkipAnnotation, lacks),
		Status:  &metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden},
	}
}
