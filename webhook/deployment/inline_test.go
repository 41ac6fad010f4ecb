package deployment

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/demand"
)

// sharedEndpoint is a default with tenancy.
type sharedEndpoint struct{}

func (sharedEndpoint) Endpoint(string, string) (endpoint.Definition, error) {
	return endpoint.Definition{Tenancy: endpoint.Tenancy{Label: "namespace"}}, nil
}

func TestInlineQueriesKeepToTheirNamespace(t *testing.T) {
	with := func(value string) workload.Deployment {
		return workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.MetricAnnotationPrefix + "errors": value}}}}
	}
	h := &Handler{Endpoints: sharedEndpoint{}}
	good, bad := with("max(up{ {{canary}} }) in [0, 1]"), with("info(up{ {{canary}} }) in [0, 1]")
	for name, tc := range map[string]struct {
		u       update
		refused bool
	}{
		"one that cannot be kept to it is refused":                  {update{decode.Update{Old: good, New: bad}}, true},
		"one that can passes":                                       {update{decode.Update{Old: bad, New: good}}, false},
		"one that is there keeps nobody from changing what else is": {update{decode.Update{Old: bad, New: bad}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := h.validateInlineChange("shop", demand.Demands{}, tc.u)
			if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "metadata.annotations[metric.holdfast.dev/errors]: Forbidden: line 1, column 1: info(…)") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAPlanByANameThatNoneCanHaveIsRefused when it is named, and keeps nobody from changing what else is.
func TestAPlanByANameThatNoneCanHaveIsRefused(t *testing.T) {
	named := func(name string) workload.Deployment {
		return workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.PlanAnnotation: name}}}}
	}
	for name, tc := range map[string]struct {
		u       update
		refused bool
	}{
		"a path":          {update{decode.Update{Old: named("strict"), New: named("a/b")}}, true},
		"the one above":   {update{decode.Update{New: named("..")}}, true},
		"a share":         {update{decode.Update{New: named("50%")}}, true},
		"it is there":     {update{decode.Update{Old: named("a/b"), New: named("a/b")}}, false},
		"it is taken off": {update{decode.Update{Old: named("a/b"), New: named("")}}, false},
		"a name":          {update{decode.Update{Old: named("a/b"), New: named("strict.v2")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := (&Handler{}).validateInlineChange("shop", demand.Demands{}, tc.u)
			if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "metadata.annotations[holdfast.dev/plan]: Invalid value") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// scrapedEndpoint is a default whose scrape interval is known.
type scrapedEndpoint struct{}

func (scrapedEndpoint) Endpoint(string, string) (endpoint.Definition, error) {
	var e endpoint.Definition
	e.ScrapeInterval.Duration = 15 * time.Second
	return e, nil
}

func TestInlineTrapsAreToldWhenThePlanChanges(t *testing.T) {
	const key = v1alpha1.MetricAnnotationPrefix + "errors"
	with := func(value string) workload.Deployment {
		return workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}}}
	}
	h := &Handler{Endpoints: scrapedEndpoint{}}
	trap, good := with("absent(up{ {{canary}} }) in [0, 1]"), with("min(up{ {{canary}} }) in [1, 1]")
	for name, tc := range map[string]struct {
		u    update
		want int
	}{
		"made with one":   {update{decode.Update{New: trap}}, 1},
		"changed to one":  {update{decode.Update{Old: good, New: trap}}, 1},
		"as it was":       {update{decode.Update{Old: trap, New: trap}}, 0},
		"changed to none": {update{decode.Update{Old: trap, New: good}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := h.inlineTraps("shop", demand.Demands{}, tc.u); len(got) != tc.want || len(got) > 0 && !strings.Contains(got[0], "metric errors, line 1, column 1: absent") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// What hardly anybody means is told of annotations as of plans.
func TestAmountsInAnnotationsAreDoubted(t *testing.T) {
	const key = v1alpha1.MetricAnnotationPrefix + "success"
	with := func(value string) update {
		return update{decode.Update{New: workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{key: value}}}}}}
	}
	h := &Handler{Endpoints: scrapedEndpoint{}}
	if got := h.inlineTraps("shop", demand.Demands{}, with("success >= 0.05")); len(got) != 1 || !strings.Contains(got[0], "metric success, expect: \"success >= 0.05\" lets 95% of the requests fail") {
		t.Errorf("got %q", got)
	}
	if err := h.validateInline("shop", demand.Demands{}, with("success >= 0.99%")); err == nil || !strings.Contains(err.Error(), "0.99% lets at least 99 of 100 requests fail") {
		t.Errorf("got %v", err)
	}
}

// TestHooksInAnnotationsAreThoseThatSomebodyAllows, as those of plans are.
func TestHooksInAnnotationsAreThoseThatSomebodyAllows(t *testing.T) {
	with := func(url string) update {
		annotations := map[string]any{v1alpha1.HookAnnotationPrefix + "load": "Rollout http://load.example.com/", v1alpha1.HookAnnotationPrefix + "ship": "ConfirmPromotion " + url}
		return update{decode.Update{New: workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": annotations}}}}}
	}
	h := &Handler{HookHosts: outbound.Hosts{"load.example.com", "gate.{{namespace}}.svc"}}
	if err := h.validateInline("shop", demand.Demands{}, with("http://gate.shop.svc/check")); err != nil {
		t.Error(err)
	}
	err := h.validateInline("shop", demand.Demands{}, with("http://gate.other.svc/check"))
	if err == nil || !strings.Contains(err.Error(), "metadata.annotations[hook.holdfast.dev/ship]: Forbidden") || !strings.Contains(err.Error(), "--hook-hosts") {
		t.Errorf("got %v", err)
	}
}
