package clients

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestATextThatIsReplacedAsItWasReadTakesAChangeBack: kubectl replace puts a whole text there, so the
// text as it was first read has none of what was changed in it and sent in between.
func TestATextThatIsReplacedAsItWasReadTakesAChangeBack(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1)})
	first := s.HoldShaped(1)
	read := s.Deployment("shaped")
	read.APIVersion, read.Kind = "apps/v1", "Deployment"
	read.ResourceVersion, read.ManagedFields = "", nil
	changed := read.DeepCopy()
	setEnv(&changed.Spec.Template.Spec.Containers[0], shape{}, shape{env: []string{"ADDED"}})
	send := func(d *appsv1.Deployment) string {
		awaitSeen(s, "shaped") // as replace does
		return s.Must("replace", "-f", "-", "\n"+string(shop.Encode(d)))
	}

	second := s.NewestRun(send(changed))
	if second.Spec.TemplateHash == first.Spec.TemplateHash {
		t.Fatal("the change is not held")
	}
	back := s.NewestRun(send(read))
	if back.Spec.TemplateHash != first.Spec.TemplateHash || back.Spec.Hold == second.Spec.Hold {
		t.Errorf("held is %s by hold %s, want %s as at first", back.Spec.TemplateHash, back.Spec.Hold, first.Spec.TemplateHash)
	}
}
