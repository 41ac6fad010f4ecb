package gates

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestAHookInAnnotations: a Deployment without any CanaryPlan waits for a gate that an annotation of the docs
// names; one at a host that nobody allows is refused.
func TestAHookInAnnotations(t *testing.T) {
	t.Parallel()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	hook := docs(t, `(hook\.holdfast\.dev/ship): (ConfirmPromotion http://flagger-loadtester\.test/gate/check)`)
	s := shop.Open(t, shop.Settings{NoLoad: true})
	refused := s.Refused("annotate", "deployment", "web", hook[1]+"=ConfirmPromotion http://10.0.0.1:9090/")
	if !strings.Contains(refused, "metadata.annotations[hook.holdfast.dev/ship]") || !strings.Contains(refused, "--hook-hosts") {
		t.Errorf("it says %s", refused)
	}
	s.Must("annotate", "deployment", "web", "holdfast.dev/period=2s", hook[1]+"="+strings.Replace(hook[2], "http://flagger-loadtester.test", loadTester, 1))
	run := s.HoldV2()
	s.AwaitReason(run.Name, v1alpha1.ReasonGateClosed)
	s.WantImage("v1")
	tell(s, "/gate/open")
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}
