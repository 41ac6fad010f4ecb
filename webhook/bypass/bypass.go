// Package bypass finds out whether a user may go without a canary.
package bypass

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/policy"
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

// Lacks says what keeps a user from going without a canary: a policy, or
// a missing permission; "" if nothing does.
func (a Access) Lacks(ctx context.Context, d policy.Effective, user authenticationv1.UserInfo, namespace string) (string, error) {
	if may, by := d.MaySkip(user.Username, user.Groups); !may {
		return fmt.Sprintf("user %q may not update without a canary: CanaryPolicy %s does not allow it", user.Username, by), nil
	}
	allowed, err := a.mayBypass(ctx, user, namespace)
	if err != nil || allowed {
		return "", err
	}
	return lacksBypass(user.Username, namespace), nil
}

func lacksBypass(user, namespace string) string {
	return fmt.Sprintf("user %q may not update without a canary, which takes the verb %q on canaryruns.%s in namespace %q",
		user, v1alpha1.VerbBypass, v1alpha1.GroupVersion.Group, namespace)
}
