package webhook

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/casetest"
)

// governed is a cache with a namespace and policies, or one that cannot be read.
type governed struct {
	client.Reader
	labels, annotations map[string]string
	policies            []v1alpha1.CanaryPolicy
	err                 error
}

func (g governed) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	object.SetName(key.Name)
	object.SetLabels(g.labels)
	object.SetAnnotations(g.annotations)
	return g.err
}

func (g governed) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.CanaryPolicyList).Items = g.policies
	return g.err
}

// strict is a policy for all namespaces.
func strict(change func(*v1alpha1.CanaryPolicySpec)) []v1alpha1.CanaryPolicy {
	p := v1alpha1.CanaryPolicy{ObjectMeta: metav1.ObjectMeta{Name: "strict"}}
	p.Spec.Guard = v1alpha1.GuardRequired
	if change != nil {
		change(&p.Spec)
	}
	return []v1alpha1.CanaryPolicy{p}
}

func TestAPolicyInsists(t *testing.T) {
	image := newTemplate().Request.Patch
	with := func(patch map[string]any) casetest.Case {
		return casetest.Case{Request: casetest.Request{Patch: patch}}
	}
	annotated := func(key, value string) casetest.Case {
		return with(map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}, "spec": image["spec"]})
	}
	zero := with(image)
	zero.Stable = map[string]any{"spec": map[string]any{"replicas": 0}}
	sick := with(image)
	sick.Unavailable = true
	skip := annotated(v1alpha1.SkipAnnotation, "in a hurry")
	for name, tc := range map[string]struct {
		c      casetest.Case
		policy governed
		held   bool
		says   string // part of a warning, or of the refusal
	}{
		"without one a Deployment opts out": {annotated(v1alpha1.CanaryAnnotation, "disabled"), governed{}, false, ""},
		"with one it does not": {annotated(v1alpha1.CanaryAnnotation, "disabled"), governed{policies: strict(nil)}, true,
			"annotation holdfast.dev/canary=disabled counts for nothing here: CanaryPolicy strict has every Deployment of the namespace guarded"},
		"the label that is left of one counts": {annotated(v1alpha1.CanaryAnnotation, "disabled"),
			governed{labels: map[string]string{v1alpha1.PolicyLabel: "enabled"}}, true, "label holdfast.dev/policy of the namespace has every"},
		"one that only sets bounds guards nobody": {annotated(v1alpha1.CanaryAnnotation, "disabled"),
			governed{policies: strict(func(s *v1alpha1.CanaryPolicySpec) { s.Guard = "" })}, false, ""},
		"scaled to zero, without":  {zero, governed{}, false, "scaled to zero"},
		"scaled to zero, with":     {zero, governed{policies: strict(nil)}, true, "update held"},
		"no pod is Ready, without": {sick, governed{}, false, "no pod"},
		"no pod is Ready, with":    {sick, governed{policies: strict(nil)}, true, "update held"},
		"who may skip skips":       {skip, governed{policies: strict(nil)}, false, "passed without a canary"},
		"who is not on the list is refused": {skip, governed{policies: strict(func(s *v1alpha1.CanaryPolicySpec) { s.Allow.Skip = []v1alpha1.Subject{} })}, false,
			"may not update without a canary: CanaryPolicy strict does not allow it"},
		"a plan in annotations is told what becomes of it": {annotated(v1alpha1.PeriodAnnotation, "1s"),
			governed{policies: strict(func(s *v1alpha1.CanaryPolicySpec) { one := int32(1); s.Limits.MaxRuns = &one })}, true, "CanaryPolicy strict sets maxRuns to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, tc.c)
			handler.Policies = Policies{Reader: tc.policy}
			resp := handler.Handle(t.Context(), req)
			said := strings.Join(resp.Warnings, "\n")
			if !resp.Allowed {
				said = resp.Result.Message
			}
			held := false
			for _, op := range resp.Patches {
				held = held || strings.Contains(op.Json(), "holdfast.dev~1held") || strings.Contains(op.Json(), `"holdfast.dev/held"`)
			}
			if held != tc.held || !strings.Contains(said, tc.says) {
				t.Errorf("held: %v, says:\n%s", held, said)
			}
		})
	}
}

// TestPoliciesThatCannotBeRead let nobody out where the namespace fails closed.
func TestPoliciesThatCannotBeRead(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.Policies = Policies{Reader: governed{err: errors.New("no cache")}}
	if resp := handler.Handle(t.Context(), req); !resp.Allowed || !strings.Contains(strings.Join(resp.Warnings, ""), "no cache") {
		t.Errorf("failing open: %+v", resp)
	}
	handler.FailClosed = true
	if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "no cache") {
		t.Errorf("failing closed: %+v", resp)
	}
}

// TestANamespaceThatIsNewerThanTheCache: a namespace, its plan and its Deployments
// come in one file, and are looked at before the cache has seen the first of them.
func TestANamespaceThatIsNewerThanTheCache(t *testing.T) {
	gone := apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop")
	live := governed{labels: map[string]string{v1alpha1.PolicyLabel: "required"}}
	for name, tc := range map[string]struct {
		live client.Reader
		fail bool
	}{
		"is read at the API server":                  {live, false},
		"is not there at all":                        {governed{err: gone}, true},
		"is not looked for where there is no server": {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Policies{Reader: unseen{governed{policies: strict(nil)}, gone}, Live: tc.live}.ForNamespace(t.Context(), "shop")
			if (err != nil) != tc.fail || !tc.fail && !d.guarded() {
				t.Errorf("guarded: %v, error: %v", d.guarded(), err)
			}
		})
	}
}

// unseen is a cache that has policies, and not the namespace.
type unseen struct {
	governed
	gone error
}

func (u unseen) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return u.gone
}
