package admission

import (
	"encoding/base64"
	"math/rand"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

func TestATemplateOf200KiBIsHeldAndReleased(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanOf(`sum(up{ {{canary}} }) * 0`), NoLoad: true})
	s.Must("apply", "--server-side", "--force-conflicts", "-f", "-", s.Web("v1"))
	large := strings.Repeat("abcdefghij", 10<<10) // Linux takes 128 KiB a variable
	manifest := shop.WithEnv(s.Web("v2"), large, large)
	run := s.NewestRun(s.Must("apply", "--server-side", "-f", "-", manifest))
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	if env := s.Deployment("web").Spec.Template.Spec.Containers[0].Env; len(env) != 2 || len(env[1].Value) != len(large) {
		t.Error("the large value is not what was applied")
	}
	s.AwaitAvailable()
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	random := make([]byte, 300<<10)
	rand.New(rand.NewSource(1)).Read(random)
	manifest := shop.WithEnv(s.Web("v2"), base64.StdEncoding.EncodeToString(random))
	_, stderr, code := s.Kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", manifest)
	if code == 0 || !strings.Contains(stderr, "does not fit") || !strings.Contains(stderr, "ConfigMap") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr[:min(len(stderr), 2000)])
	}
	s.WantImage("v1")
}
