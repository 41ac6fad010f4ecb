package query

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Mistakes in hooks are found where the schema is never asked, with field and remedy.
func TestValidateHooks(t *testing.T) {
	good := v1alpha1.Hook{Name: "ship", Type: v1alpha1.HookConfirmPromotion, URL: "https://gate.example.com:8443/check?team=shop"}
	for name, tc := range map[string]struct {
		edit func(*v1alpha1.CanaryPlanSpec, *v1alpha1.Hook)
		want string // of the only mistake; none if it is ""
	}{
		"a hook":                    {func(*v1alpha1.CanaryPlanSpec, *v1alpha1.Hook) {}, ""},
		"no name":                   {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Name = "" }, "spec.hooks[0].name"},
		"the name of the pods":      {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Name = PodsMetric }, "spec.hooks[0].name"},
		"the name of a metric":      {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Name = "errors" }, "is the name of a metric"},
		"the name of another hook":  {func(s *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { s.Hooks = append(s.Hooks, *h) }, "is the name of another hook"},
		"Flagger's word for a type": {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Type = "confirm-promotion" }, "ConfirmPromotion"},
		"no URL":                    {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.URL = "" }, "spec.hooks[0].url"},
		"no scheme":                 {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.URL = "gate/check" }, "http://"},
		"another scheme":            {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.URL = "file:///etc/passwd" }, "http://"},
		"a password":                {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.URL = "http://a:secret@gate/" }, "no user and password"},
		"no URL at all":             {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.URL = "http://a:secret@%zz" }, "is no URL"},
		"too quick": {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) {
			h.Timeout = &metav1.Duration{Duration: time.Millisecond}
		}, "from 100ms to 5m"},
		"too slow":          {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Timeout = &metav1.Duration{Duration: time.Hour} }, "from 100ms to 5m"},
		"too often":         {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.Retries = new(int32(6)) }, "from 0 to 5"},
		"a limit of a gate": {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) { h.FailureLimit = new(int32(1)) }, "PreRollout and Rollout"},
		"too many": {func(s *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) {
			for i := range v1alpha1.MaxHooks {
				other := *h
				other.Name = fmt.Sprint("hook-", i)
				s.Hooks = append(s.Hooks, other)
			}
		}, "spec.hooks"},
		"too much to send": {func(_ *v1alpha1.CanaryPlanSpec, h *v1alpha1.Hook) {
			h.Metadata = map[string]string{"cmd": strings.Repeat("a", maxMetadataValue+1)}
		}, "spec.hooks[0].metadata[cmd]"},
	} {
		t.Run(name, func(t *testing.T) {
			most := 0.05
			spec := &v1alpha1.CanaryPlanSpec{Hooks: []v1alpha1.Hook{good}}
			spec.Analysis.Metrics = []v1alpha1.Metric{{Name: "errors", Query: "up{ {{canary}} }", Range: v1alpha1.Range{Max: &most}}}
			tc.edit(spec, &spec.Hooks[0])
			spec.SetDefaults()
			errs := ValidatePlan(spec, field.NewPath("spec"))
			if tc.want == "" && len(errs) > 0 || tc.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), tc.want)) {
				t.Errorf("mistakes: %v, want %q", errs, tc.want)
			}
			if strings.Contains(fmt.Sprint(errs), "secret") {
				t.Errorf("a password is told: %v", errs)
			}
		})
	}
}
