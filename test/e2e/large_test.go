package e2e

import (
	"encoding/base64"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// withEnv gives the app environment variables A, B, … with these values.
func withEnv(manifest string, values ...string) string {
	var env []string
	for i, value := range values {
		env = append(env, fmt.Sprintf("{name: %c, value: %s}", 'A'+i, value))
	}
	return strings.Replace(manifest, "        ports:", "        env: ["+strings.Join(env, ", ")+"]\n        ports:", 1)
}

func TestATemplateOf200KiBIsHeldAndReleased(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: planOf(`sum(up{ {{canary}} }) * 0`), noLoad: true})
	s.must("apply", "--server-side", "--force-conflicts", "-f", "-", s.web("v1"))
	large := strings.Repeat("abcdefghij", 10<<10) // Linux takes 128 KiB a variable
	manifest := withEnv(s.web("v2"), large, large)
	run := s.newestRun(s.must("apply", "--server-side", "-f", "-", manifest))
	s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
	if env := s.deployment("web").Spec.Template.Spec.Containers[0].Env; len(env) != 2 || len(env[1].Value) != len(large) {
		t.Error("the large value is not what was applied")
	}
	s.awaitAvailable()
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	t.Parallel()
	s := open(t, settings{plan: patient, noLoad: true})
	random := make([]byte, 300<<10)
	rand.New(rand.NewSource(1)).Read(random)
	manifest := withEnv(s.web("v2"), base64.StdEncoding.EncodeToString(random))
	_, stderr, code := s.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", manifest)
	if code == 0 || !strings.Contains(stderr, "does not fit") || !strings.Contains(stderr, "ConfigMap") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr[:min(len(stderr), 2000)])
	}
	s.wantImage("v1")
}
