package deployment

import (
	"errors"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

func TestAPolicyInsists(t *testing.T) {
	image := newTemplate().Request.Patch
	with := func(patch map[string]any) casetest.Case {
		return casetest.Case{Request: casetest.Submission{Patch: patch}}
	}
	annotated := func(key, value string) casetest.Case {
		return with(map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}, "spec": image["spec"]})
	}
	zero := with(image)
	zero.Stable = map[string]any{"spec": map[string]any{"replicas": 0}}
	sick := with(image)
	sick.Unavailable = true
	alone := with(image)
	alone.Stable = map[string]any{"spec": map[string]any{"strategy": map[string]any{"type": "Recreate"}}}
	skip := annotated(v1alpha1.SkipAnnotation, "in a hurry")
	for name, tc := range map[string]struct {
		c      casetest.Case
		policy demandtest.Cache
		held   bool
		says   string // part of a warning, or of the refusal
	}{
		"without one a Deployment opts out": {annotated(v1alpha1.CanaryAnnotation, "disabled"), demandtest.Cache{}, false, ""},
		"with one it does not": {annotated(v1alpha1.CanaryAnnotation, "disabled"), demandtest.Cache{Policies: demandtest.Strict(nil)}, true,
			"annotation holdfast.dev/canary=disabled counts for nothing here: CanaryPolicy strict has every Deployment of the namespace guarded"},
		"the label that is left of one counts": {annotated(v1alpha1.CanaryAnnotation, "disabled"),
			demandtest.Cache{Labels: map[string]string{v1alpha1.PolicyLabel: "enabled"}}, true, "label holdfast.dev/policy of the namespace has every"},
		"one that only sets bounds guards nobody": {annotated(v1alpha1.CanaryAnnotation, "disabled"),
			demandtest.Cache{Policies: demandtest.Strict(func(s *v1alpha1.CanaryPolicySpec) { s.Guard = "" })}, false, ""},
		"scaled to zero, without":    {zero, demandtest.Cache{}, false, "scaled to zero"},
		"scaled to zero, with":       {zero, demandtest.Cache{Policies: demandtest.Strict(nil)}, true, "update held"},
		"no pod is Ready, without":   {sick, demandtest.Cache{}, false, "no pod"},
		"no pod is Ready, with":      {sick, demandtest.Cache{Policies: demandtest.Strict(nil)}, true, "update held"},
		"strategy Recreate, without": {alone, demandtest.Cache{}, false, "passed without a canary: spec.strategy.type"},
		"strategy Recreate, with": {alone, demandtest.Cache{Policies: demandtest.Strict(nil)}, false,
			"Deployment web is not updated: spec.strategy.type is Recreate, by which no canary runs beside it, and CanaryPolicy strict has every update tried by one"},
		"who may skip skips": {skip, demandtest.Cache{Policies: demandtest.Strict(nil)}, false, "passed without a canary"},
		"who is not on the list is refused": {skip, demandtest.Cache{Policies: demandtest.Strict(func(s *v1alpha1.CanaryPolicySpec) { s.Allow.Skip = []v1alpha1.Subject{} })}, false,
			"may not update without a canary: CanaryPolicy strict does not allow it"},
		"a plan in annotations is told what becomes of it": {annotated(v1alpha1.PeriodAnnotation, "1s"),
			demandtest.Cache{Policies: demandtest.Strict(func(s *v1alpha1.CanaryPolicySpec) { one := int32(1); s.Limits.MaxRuns = &one })}, true, "CanaryPolicy strict sets maxRuns to 1"},
	} {
		t.Run(name, func(t *testing.T) {
			handler, req := setUp(t, tc.c)
			handler.Policies = demand.Policies{Reader: tc.policy}
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
	handler.Policies = demand.Policies{Reader: demandtest.Cache{Err: errors.New("no cache")}}
	if resp := handler.Handle(t.Context(), req); !resp.Allowed || !strings.Contains(strings.Join(resp.Warnings, ""), "no cache") {
		t.Errorf("failing open: %+v", resp)
	}
	handler.FailClosed = true
	if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "no cache") {
		t.Errorf("failing closed: %+v", resp)
	}
}
