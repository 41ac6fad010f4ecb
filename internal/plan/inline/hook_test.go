package inline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
)

const shipKey = v1alpha1.HookAnnotationPrefix + "ship"

// TestHooks are asked in the order of their names, with the defaults of a CanaryPlan; one alone is a plan.
func TestHooks(t *testing.T) {
	spec, errs := Parse(map[string]string{
		shipKey: " ConfirmPromotion\n http://gate.example.com/check ", v1alpha1.HookAnnotationPrefix + "load": "Rollout https://load.example.com:8443/?q=1",
	})
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	var got []string
	for _, h := range spec.Hooks {
		got = append(got, fmt.Sprintln(h.Name, h.Type, h.URL, h.Timeout.Duration, *h.Retries))
	}
	want := []string{"load Rollout https://load.example.com:8443/?q=1 10s 0\n", "ship ConfirmPromotion http://gate.example.com/check 10s 0\n"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hooks (-want +got):\n%s", diff)
	}
	if spec.Analysis.Period.Duration != 15*time.Minute {
		t.Errorf("it takes %s", spec.Analysis.Period.Duration)
	}
}

// TestMistakesInHooks name the annotation.
func TestMistakesInHooks(t *testing.T) {
	const at = `metadata.annotations[hook.holdfast.dev/ship]`
	for name, tc := range map[string]struct {
		key, text, want string
	}{
		"nothing":          {shipKey, "", "must be when it is asked and the URL"},
		"the URL alone":    {shipKey, "http://gate.example.com/check", "must be when it is asked and the URL"},
		"a third word":     {shipKey, "ConfirmPromotion http://gate.example.com/check 30s", "a CanaryPlan can"},
		"no such moment":   {shipKey, "confirm-promotion http://gate.example.com/check", "supported values"},
		"no URL":           {shipKey, "ConfirmPromotion gate.example.com", "must be like http://"},
		"a password":       {shipKey, "ConfirmPromotion http://a:b@gate.example.com/", "must have no user and password"},
		"no name":          {v1alpha1.HookAnnotationPrefix + "Ship_it", "ConfirmPromotion http://gate.example.com/", "Ship_it"},
		"that of a metric": {v1alpha1.HookAnnotationPrefix + "errors", "ConfirmPromotion http://gate.example.com/", "is the name of a metric of the plan too"},
		"that of the pods": {v1alpha1.HookAnnotationPrefix + "pods", "ConfirmPromotion http://gate.example.com/", "pods"},
	} {
		_, errs := Parse(map[string]string{tc.key: tc.text, errorsKey: "up in [1, 1]"})
		if len(errs) == 0 || !strings.Contains(errs.ToAggregate().Error(), tc.want) || !strings.Contains(errs[0].Field, tc.key) {
			t.Errorf("%s: %v", name, errs.ToAggregate())
		}
		if tc.key == shipKey && len(errs) > 0 && errs[0].Field != at {
			t.Errorf("%s: at %s", name, errs[0].Field)
		}
	}
}

// TestAsManyHooksAsAPlanMayHave.
func TestAsManyHooksAsAPlanMayHave(t *testing.T) {
	annotations := map[string]string{}
	for i := range v1alpha1.MaxHooks + 1 {
		annotations[fmt.Sprint(v1alpha1.HookAnnotationPrefix, "h", i)] = "Rollback http://gate.example.com/"
	}
	_, errs := Parse(annotations)
	if len(errs) != 1 || errs[0].Field != "metadata.annotations[hook.holdfast.dev/*]" {
		t.Errorf("got %v", errs.ToAggregate())
	}
}
