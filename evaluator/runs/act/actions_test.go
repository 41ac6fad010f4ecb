package act

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func TestRefusals(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"validation":             {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "web", field.ErrorList{}), true},
		"an admission webhook":   {apierrors.NewForbidden(deployments, "web", errors.New("admission webhook denied the request: images cannot be latest")), true},
		"a bad request":          {apierrors.NewBadRequest("no"), true},
		"a name that is taken":   {errNameTaken, true},
		"no permission":          {apierrors.NewForbidden(deployments, "web", errors.New(`User "system:serviceaccount:a:b" cannot patch resource "deployments" in API group "apps"`)), false},
		"a quota":                {apierrors.NewForbidden(deployments, "web", errors.New("exceeded quota: q")), false},
		"a conflict":             {apierrors.NewConflict(deployments, "web", errors.New("x")), false},
		"a webhook that is down": {apierrors.NewInternalError(errors.New("failed calling webhook")), false},
		"too many requests":      {apierrors.NewTooManyRequests("x", 1), false},
		"the network":            {errors.New("connection cut"), false},
	} {
		if message, got := LastWord(fmt.Errorf("patch: %w", tc.err)); got != tc.want || got && message == "" {
			t.Errorf("%s: %t, %q", name, got, message)
		}
	}
}
