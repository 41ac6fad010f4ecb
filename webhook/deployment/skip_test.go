package deployment

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// asked is access that remembers what it was asked.
type asked struct {
	reviews []authorizationv1.SubjectAccessReviewSpec
}

func (a *asked) Create(_ context.Context, object client.Object, _ ...client.CreateOption) error {
	a.reviews = append(a.reviews, object.(*authorizationv1.SubjectAccessReview).Spec)
	return nil
}

func skipping(c casetest.Case) casetest.Case {
	c.Request.Patch["metadata"] = map[string]any{"annotations": map[string]any{v1alpha1.SkipAnnotation: "hotfix"}}
	return c
}

func TestPermissionIsAskedForTheUserAsTheRequestHasIt(t *testing.T) {
	handler, req := setUp(t, skipping(newTemplate()))
	server := &asked{}
	handler.Access.Creator = server
	req.UserInfo = authenticationv1.UserInfo{
		Username: "jane", UID: "7", Groups: []string{"shop"}, Extra: map[string]authenticationv1.ExtraValue{"scope": {"a", "b"}},
	}
	resp := handler.Handle(context.Background(), req)
	want := []authorizationv1.SubjectAccessReviewSpec{{
		User: "jane", UID: "7", Groups: []string{"shop"}, Extra: map[string]authorizationv1.ExtraValue{"scope": {"a", "b"}},
		ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "shop", Verb: "bypass", Group: "holdfast.dev", Resource: "canaryruns"},
	}}
	if diff := cmp.Diff(want, server.reviews); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if resp.Allowed || resp.Result.Code != http.StatusForbidden || resp.Result.Reason != metav1.StatusReasonForbidden {
		t.Errorf("the answer is %+v", resp)
	}
}

func TestPermissionIsAskedOnlyIfItMakesADifference(t *testing.T) {
	v2 := template(map[string]any{"v": "2"})
	disabled := skipping(newTemplate())
	disabled.Stable = map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.CanaryAnnotation: "disabled"}}}
	for sentence, c := range map[string]casetest.Case{
		"nobody asks to skip":            newTemplate(),
		"the template stays as it is":    skipping(casetest.Case{Request: casetest.Submission{Patch: map[string]any{}}}),
		"the Deployment is not guarded":  disabled,
		"a rollback":                     skipping(asking(casetest.Case{Revisions: []map[string]any{v2}}, map[string]any{"v": "2"})),
		"the value is used up":           skipping(asking(casetest.Case{Skipped: "hotfix"}, map[string]any{"v": "2"})),
		"the evaluator writes during it": {Held: v2, Request: casetest.Submission{User: "evaluator", Patch: map[string]any{}}},
	} {
		handler, req := setUp(t, c)
		server := &asked{}
		handler.Access.Creator = server
		if resp := handler.Handle(context.Background(), req); !resp.Allowed || len(server.reviews) > 0 {
			t.Errorf("%s: asked %v, answered %+v", sentence, server.reviews, resp)
		}
	}
}
