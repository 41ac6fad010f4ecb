package remedy

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestExplain(t *testing.T) {
	refused := func(group, resource, why string) error {
		return apierrors.NewForbidden(schema.GroupResource{Group: group, Resource: resource}, "x", errors.New(why))
	}
	for name, tc := range map[string]struct {
		err  error
		want string // what is added, "" for nothing
	}{
		"a decision": {
			refused("holdfast.dev", "canaryruns", `User "jane" cannot patch resource "canaryruns" in API group "holdfast.dev" in the namespace "shop"`),
			"kubectl create role canary-promote -n shop --verb=get,list,watch,update,patch --resource=canaryruns.holdfast.dev\n",
		},
		"reading": {
			refused("holdfast.dev", "canaryruns", `User "jane" cannot list resource "canaryruns" in API group "holdfast.dev" in the namespace "shop"`),
			"kubectl create role canary-view -n shop --verb=get,list,watch --resource=canaryruns.holdfast.dev\n",
		},
		"reading everywhere": {
			refused("holdfast.dev", "canaryruns", `User "jane" cannot list resource "canaryruns" in API group "holdfast.dev" at the cluster scope`),
			"in the whole cluster. Whoever gives rights there can give it by\n  kubectl create clusterrole canary-view --verb=get,list,watch --resource=canaryruns.holdfast.dev\n",
		},
		"another kind": {
			refused("apps", "deployments", `User "jane" cannot patch resource "deployments" in API group "apps" in the namespace "shop"`),
			"kubectl create role canary-patch -n shop --verb=patch --resource=deployments.apps\n",
		},
		"the core group": {
			refused("", "pods", `User "jane" cannot list resource "pods" in API group "" in the namespace "shop"`),
			`You lack the verb "list" on pods in namespace shop.`,
		},
		"a policy says itself what to do": {refused("holdfast.dev", "canaryruns", "CanaryPolicy prod lets only these promote: group leads"), ""},
		"no such kind":                    {apierrors.NewGenericServerResponse(404, "list", schema.GroupResource{}, "", "", 0, true), "is Holdfast installed in this cluster?"},
		"no such object":                  {apierrors.NewNotFound(schema.GroupResource{Resource: "canaryruns"}, "x"), ""},
		"something else":                  {errors.New("connection refused"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := Explain(tc.err)
			if !errors.Is(got, tc.err) {
				t.Errorf("the error of the API server is lost: %v", got)
			}
			if tc.want == "" && got.Error() != tc.err.Error() || !strings.Contains(got.Error(), tc.want) {
				t.Errorf("got %v", got)
			}
		})
	}
	if Explain(nil) != nil {
		t.Error("no error has no remedy")
	}
}
