package evaluator

import (
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

func skippedAt(t *testing.T, tag string, at time.Time) map[string]string {
	t.Helper()
	encoded, err := hold.Skipped{Reason: "hotfix", Hash: hashOf(t, tag), User: "jane", At: at}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{v1alpha1.SkippedAnnotation: encoded}
}

// TestASkipIsToldOnce, and not by an evaluator that came later.
func TestASkipIsToldOnce(t *testing.T) {
	c := newCluster(t)
	c.annotateDeployment(skippedAt(t, "v1", noon.Add(-time.Millisecond)))
	c.passes(2)
	c.wantEvents()
	c.annotateDeployment(skippedAt(t, "v1", c.clock.Now()))
	c.passes(3)
	c.wantEvents("Skipped")
	c.annotateDeployment(skippedAt(t, "v1", c.clock.Now()))
	c.passes(3)
	c.wantEvents("Skipped", "Skipped")
	c.annotateDeployment(map[string]string{v1alpha1.SkippedAnnotation: "garbage"})
	c.passes(1)
	c.wantEvents("Skipped", "Skipped")
}

func TestARunWhoseUpdateIsLetThroughSaysSo(t *testing.T) {
	for name, tc := range map[string]struct {
		at   time.Duration // of the skip, from the start of the run
		want string
	}{
		"by a skip":               {2 * time.Second, v1alpha1.ReasonSkipped},
		"after a skip long since": {-time.Hour, v1alpha1.ReasonBypassed},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.hold()
			c.passes(3)
			d := c.deployment()
			delete(d.Annotations, v1alpha1.HeldAnnotation)
			d.Annotations[v1alpha1.StableAnnotation] = string(hashOf(t, "v2"))
			d.Annotations[v1alpha1.SkippedAnnotation] = skippedAt(t, "v2", noon.Add(tc.at))[v1alpha1.SkippedAnnotation]
			d.Spec.Template = web("v2").Spec.Template
			c.must(c.api.Update(t.Context(), d))
			c.passes(3)
			if run := c.run(); run.Status.Phase != v1alpha1.PhaseCanceled || run.Status.Reason != tc.want {
				t.Errorf("the run is %s (%s)", run.Status.Phase, run.Status.Reason)
			}
		})
	}
}

// TestAnUpdateWithoutACanaryIsToldOnce, beside the skips.
func TestAnUpdateWithoutACanaryIsToldOnce(t *testing.T) {
	untried := func(at time.Time) map[string]string {
		encoded, err := hold.Skipped{Reason: v1alpha1.ReasonRecreate, Hash: hashOf(t, "v1"), User: "jane", At: at}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{v1alpha1.UntriedAnnotation: encoded}
	}
	c := newCluster(t)
	c.annotateDeployment(untried(noon.Add(-time.Millisecond)))
	c.passes(2)
	c.wantEvents()
	c.annotateDeployment(untried(c.clock.Now()))
	c.annotateDeployment(skippedAt(t, "v1", c.clock.Now()))
	c.passes(3)
	c.wantEvents("Skipped", v1alpha1.EventUntried)
	c.annotateDeployment(map[string]string{v1alpha1.UntriedAnnotation: "garbage"})
	c.passes(1)
	c.wantEvents("Skipped", v1alpha1.EventUntried)
}
