package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
)

// TestATextThatIsReplacedAsItWasReadTakesAChangeBack: kubectl replace puts a whole text there, so the
// text as it was first read has none of what was changed in it and sent in between.
func TestATextThatIsReplacedAsItWasReadTakesAChangeBack(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, replicas: 1, plan: strings.Replace(shapePlan, "period: 6s", "period: 10m", 1)})
	first := s.holdShaped(1)
	read := s.deployment("shaped")
	read.APIVersion, read.Kind = "apps/v1", "Deployment"
	read.ResourceVersion, read.ManagedFields = "", nil
	changed := read.DeepCopy()
	setEnv(&changed.Spec.Template.Spec.Containers[0], shape{}, shape{env: []string{"ADDED"}})
	send := func(d *appsv1.Deployment) string { return s.must("replace", "-f", "-", "\n"+string(encode(d))) }

	second := s.newestRun(send(changed))
	if second.Spec.TemplateHash == first.Spec.TemplateHash {
		t.Fatal("the change is not held")
	}
	back := s.newestRun(send(read))
	if back.Spec.TemplateHash != first.Spec.TemplateHash || back.Spec.Hold == second.Spec.Hold {
		t.Errorf("held is %s by hold %s, want %s as at first", back.Spec.TemplateHash, back.Spec.Hold, first.Spec.TemplateHash)
	}
}
