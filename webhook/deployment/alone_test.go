package deployment

import (
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

// TestAPlanAsksForACanaryBesideRecreate: which plan it is goes by the same rules as for the run.
func TestAPlanAsksForACanaryBesideRecreate(t *testing.T) {
	recreated := func(annotations map[string]any) casetest.Case {
		return casetest.Case{
			Stable: map[string]any{"spec": map[string]any{"strategy": map[string]any{"type": "Recreate"}}},
			Request: casetest.Submission{Patch: map[string]any{
				"metadata": map[string]any{"annotations": annotations}, "spec": newTemplate().Request.Patch["spec"],
			}},
		}
	}
	offered := demandtest.Strict(func(s *v1alpha1.CanaryPolicySpec) {
		s.Guard = ""
		s.Plans = []v1alpha1.OfferedPlan{{Name: "default", Spec: v1alpha1.CanaryPlanSpec{BesideRecreate: true}}}
	})
	for name, tc := range map[string]struct {
		annotations map[string]any
		policies    demandtest.Cache
		plans       map[string]bool // what they say
		held        bool
	}{
		"no plan":                            {nil, demandtest.Cache{}, nil, false},
		"a default plan that does not":       {nil, demandtest.Cache{}, map[string]bool{"default": false}, false},
		"a default plan that does":           {nil, demandtest.Cache{}, map[string]bool{"default": true}, true},
		"the Deployment names another":       {map[string]any{v1alpha1.PlanAnnotation: "other"}, demandtest.Cache{}, map[string]bool{"default": true, "other": false}, false},
		"the Deployment names one that does": {map[string]any{v1alpha1.PlanAnnotation: "other"}, demandtest.Cache{}, map[string]bool{"default": false, "other": true}, true},
		"the namespace names one that does":  {nil, demandtest.Cache{Annotations: map[string]string{v1alpha1.PlanAnnotation: "other"}}, map[string]bool{"default": false, "other": true}, true},
		"it names one that is not there":     {map[string]any{v1alpha1.PlanAnnotation: "none"}, demandtest.Cache{}, map[string]bool{"default": true}, false},
		"a plan in annotations does not":     {map[string]any{v1alpha1.PeriodAnnotation: "1m"}, demandtest.Cache{}, map[string]bool{"default": true}, false},
		"an annotation counts more":          {map[string]any{v1alpha1.BesideRecreateAnnotation: "false"}, demandtest.Cache{}, map[string]bool{"default": true}, false},
		"a policy offers one that does":      {nil, demandtest.Cache{Policies: offered}, nil, true},
		"one of the namespace goes before":   {nil, demandtest.Cache{Policies: offered}, map[string]bool{"default": false}, false},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, recreated(tc.annotations))
			handler.Policies = demand.Policies{Reader: tc.policies}
			handler.Plans = plansAsking(t, tc.plans)
			resp := handler.Handle(t.Context(), req)
			said := strings.Join(resp.Warnings, "\n")
			if held := strings.Contains(said, "update held"); !resp.Allowed || held != tc.held || !held && !strings.Contains(said, "passed without a canary: spec.strategy.type") {
				t.Errorf("allowed: %v, says:\n%s", resp.Allowed, said)
			}
		})
	}
}

// TestAPlanThatCannotBeRead lets no update pass without a canary: it is held, or refused.
func TestAPlanThatCannotBeRead(t *testing.T) {
	c := newTemplate()
	c.Stable = map[string]any{"spec": map[string]any{"strategy": map[string]any{"type": "Recreate"}}}
	handler, req := setUp(t, c)
	handler.Plans = demandtest.Cache{Err: errors.New("cut off")}
	said := func(resp admission.Response) string { return strings.Join(resp.Warnings, "") }
	if resp := handler.Handle(t.Context(), req); !resp.Allowed || !strings.Contains(said(resp), "cut off") || !strings.Contains(said(resp), "update held") {
		t.Errorf("failing open: %+v", resp)
	}
	handler.FailClosed = true
	if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "cut off") {
		t.Errorf("failing closed: %+v", resp)
	}
	c.Stable = nil
	handler, req = setUp(t, c)
	handler.Plans = demandtest.Cache{Err: errors.New("cut off")}
	if resp := handler.Handle(t.Context(), req); !strings.Contains(strings.Join(resp.Warnings, ""), "update held") {
		t.Errorf("of another strategy no plan is read: %+v", resp)
	}
}

func plansAsking(t *testing.T, plans map[string]bool) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for name, says := range plans {
		builder = builder.WithObjects(&v1alpha1.CanaryPlan{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: v1alpha1.CanaryPlanSpec{BesideRecreate: says},
		})
	}
	return builder.Build()
}
