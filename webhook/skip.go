package webhook

import (
	"context"
	"fmt"
	"net/http"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/decide"
)

// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Access asks the API server what a user may do.
type Access struct{ Creator Creator }

// Creator is what Access needs of a client.
type Creator interface {
	Create(ctx context.Context, object client.Object, options ...client.CreateOption) error
}

// accessTimeout leaves time for the check of a template that is held after all.
const accessTimeout = time.Second

// mayBypass asks whether a user may update without a canary in a namespace.
func (a Access) mayBypass(ctx context.Context, user authenticationv1.UserInfo, namespace string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, accessTimeout)
	defer cancel()
	extra := map[string]authorizationv1.ExtraValue{}
	for key, values := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(values)
	}
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, Groups: user.Groups, UID: user.UID, Extra: extra,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: v1alpha1.VerbBypass, Group: v1alpha1.GroupVersion.Group, Resource: "canaryruns",
		},
	}}
	if err := a.Creator.Create(ctx, review); err != nil {
		return false, fmt.Errorf("ask what user %q may do: %w", user.Username, err)
	}
	return review.Status.Allowed, nil
}

// findSkip finds out whether a request may go without a canary. The API server
// is asked only if that would make a difference.
//
// Who may not is told so: a request that itself asks for it is refused, another
// one is held as if nothing had been asked. If nobody knows, it is held too: to
// hold is the safe side, in every namespace.
func (h *Handler) findSkip(ctx context.Context, user authenticationv1.UserInfo, r *request) error {
	if !r.asksToSkip() {
		return nil
	}
	view := h.decisionInput(r)
	view.Skip = true
	if decide.Decide(view).Reason != decide.ReasonSkipped {
		return nil
	}
	lacks, err := lacksToSkip(ctx, h.Access, r.demands, user, r.namespace)
	switch {
	case err != nil:
		r.warnings = append(r.warnings, warning(warnSkipUnknown(err)))
	case lacks == "":
		r.skip = true
	case r.setsSkip():
		return mayNotSkip(lacks)
	default:
		r.warnings = append(r.warnings, warning(warnMayNotSkip(lacks)))
	}
	return nil
}

// lacksToSkip says what keeps a user from going without a canary: a policy, or
// a missing permission; "" if nothing does.
func lacksToSkip(ctx context.Context, access Access, d demands, user authenticationv1.UserInfo, namespace string) (string, error) {
	if may, by := d.MaySkip(user.Username, user.Groups); !may {
		return fmt.Sprintf("user %q may not update without a canary: CanaryPolicy %s does not allow it", user.Username, by), nil
	}
	allowed, err := access.mayBypass(ctx, user, namespace)
	if err != nil || allowed {
		return "", err
	}
	return lacksBypass(user.Username, namespace), nil
}

// asksToSkip: the annotation has a value that is not used up, and the request
// brings a template or sets the annotation itself. An unrelated request, which
// may be that of a controller with every permission, lets nothing through
// because somebody else has set the annotation.
func (r *request) asksToSkip() bool {
	value := r.new.Annotation(v1alpha1.SkipAnnotation)
	used, _ := hold.ParseSkipped(r.old.Annotation(v1alpha1.SkippedAnnotation)) // what cannot be read was used by nobody
	return value != "" && value != used.Reason && (r.touched() || r.asksForImage() || r.setsSkip())
}

func (u update) setsSkip() bool {
	return u.new.Annotation(v1alpha1.SkipAnnotation) != u.old.Annotation(v1alpha1.SkipAnnotation)
}

// noteSkip leaves the trace of a skip: the value is used up, and a rejection of
// the template is forgotten.
func (h *Handler) noteSkip(r *request, a *answer) error {
	skipped, err := hold.Skipped{
		Reason: r.new.Annotation(v1alpha1.SkipAnnotation), Hash: r.desiredHash, User: r.user, At: h.Now(),
	}.Encode()
	if err != nil {
		return err
	}
	rejected, err := r.rejected.Without(r.desiredHash).Encode()
	if err != nil {
		return err
	}
	a.set(v1alpha1.SkippedAnnotation, skipped)
	a.set(v1alpha1.RejectedAnnotation, rejected)
	return nil
}

// spendSkip uses up a value that lets nothing more through: the one that a
// rollback brings back with the annotations of an earlier revision, by which
// nobody asks for anything, and the one that a Deployment is made with.
func (u update) spendSkip(a *answer) error {
	value := u.new.Annotation(v1alpha1.SkipAnnotation)
	if value == "" || !u.setsSkip() {
		return nil
	}
	skipped, _ := hold.ParseSkipped(u.old.Annotation(v1alpha1.SkippedAnnotation))
	skipped.Reason = value
	encoded, err := skipped.Encode()
	if err != nil {
		return err
	}
	a.set(v1alpha1.SkippedAnnotation, encoded)
	return nil
}

func mayNotSkip(lacks string) error {
	return refusal{
		message: fmt.Sprintf("metadata.annotations[%s]: %s; leave the annotation out and the update is tried", v1alpha1.SkipAnnotation, lacks),
		status:  &metav1.Status{Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden},
	}
}

func lacksBypass(user, namespace string) string {
	return fmt.Sprintf("user %q may not update without a canary, which takes the verb %q on canaryruns.%s in namespace %q",
		user, v1alpha1.VerbBypass, v1alpha1.GroupVersion.Group, namespace)
}
