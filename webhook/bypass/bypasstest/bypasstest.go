// Package bypasstest stands in for the API server that knows what users may do.
package bypasstest

import (
	"context"
	"errors"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Reviewer is an API server that knows who may bypass canaries ("yes", or "no"),
// or does not.
type Reviewer string

// Create answers a SubjectAccessReview.
func (a Reviewer) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	if a == "unknown" {
		return errors.New("connection refused")
	}
	object.(*authorizationv1.SubjectAccessReview).Status.Allowed = a != "no"
	return nil
}
