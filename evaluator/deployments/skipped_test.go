package deployments_test

import (
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
)

func skippedAt(t *testing.T, tag string, at time.Time) map[string]string {
	t.Helper()
	encoded, err := hold.Skipped{Reason: "hotfix", Hash: evaluatortest.HashOf(t, tag), User: "jane", At: at}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{v1alpha1.SkippedAnnotation: encoded}
}

// TestASkipIsToldOnce, also by an evaluator that came later; and again where nobody got to write that it was.
func TestASkipIsToldOnce(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.AnnotateDeployment(skippedAt(t, "v1", evaluatortest.Noon.Add(-time.Millisecond))) // before this evaluator began
	c.Passes(2)
	c.WantEvents("Skipped")
	c.Another(nil)
	c.Passes(2)
	c.WantEvents("Skipped")
	c.AnnotateDeployment(skippedAt(t, "v1", c.Clock.Now()))
	c.FailAt = c.Writes + 1
	c.Pass()
	c.Another(nil)
	c.Passes(3)
	c.WantEvents("Skipped", "Skipped", "Skipped")
	c.AnnotateDeployment(map[string]string{v1alpha1.SkippedAnnotation: "garbage"})
	c.Passes(1)
	c.WantEvents("Skipped", "Skipped", "Skipped")
}

// TestWhatIsSaidToBeToldInTheFutureIsTold: before a namespace is guarded anybody may write that.
func TestWhatIsSaidToBeToldInTheFutureIsTold(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.AnnotateDeployment(map[string]string{v1alpha1.ToldAnnotation: "2099-01-01T00:00:00Z"})
	c.AnnotateDeployment(skippedAt(t, "v1", c.Clock.Now()))
	c.Passes(2)
	c.WantEvents("Skipped")
	if told := c.Deployment().Annotations[v1alpha1.ToldAnnotation]; told != evaluatortest.Noon.Format(time.RFC3339Nano) {
		t.Errorf("it is said to be told at %s", told)
	}
}

// TestASkipInTheFutureHoldsNothingUp: it is nobody's, and the Deployment is looked after all the same.
func TestASkipInTheFutureHoldsNothingUp(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.AnnotateDeployment(skippedAt(t, "v1", c.Clock.Now().Add(time.Hour)))
	c.Hold()
	c.Passes(3)
	c.WantEvents("Held")
	if run := c.Run(); run.Status.Phase != v1alpha1.PhaseRunning {
		t.Errorf("the run is %s", run.Status.Phase)
	}
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
			c := evaluatortest.NewCluster(t)
			c.Hold()
			c.Passes(3)
			d := c.Deployment()
			delete(d.Annotations, v1alpha1.HeldAnnotation)
			d.Annotations[v1alpha1.StableAnnotation] = evaluatortest.Stamp(t, "v2")
			d.Annotations[v1alpha1.SkippedAnnotation] = skippedAt(t, "v2", evaluatortest.Noon.Add(tc.at))[v1alpha1.SkippedAnnotation]
			d.Spec.Template = evaluatortest.Web("v2").Spec.Template
			c.Must(c.API.Update(t.Context(), d))
			c.Passes(3)
			if run := c.Run(); run.Status.Phase != v1alpha1.PhaseCanceled || run.Status.Reason != tc.want {
				t.Errorf("the run is %s (%s)", run.Status.Phase, run.Status.Reason)
			}
		})
	}
}

// TestAnUpdateWithoutACanaryIsToldOnce, beside the skips.
func TestAnUpdateWithoutACanaryIsToldOnce(t *testing.T) {
	untried := func(at time.Time) map[string]string {
		encoded, err := hold.Skipped{Reason: v1alpha1.ReasonRecreate, Hash: evaluatortest.HashOf(t, "v1"), User: "jane", At: at}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{v1alpha1.UntriedAnnotation: encoded}
	}
	c := evaluatortest.NewCluster(t)
	c.AnnotateDeployment(untried(c.Clock.Now()))
	c.AnnotateDeployment(skippedAt(t, "v1", c.Clock.Now()))
	c.Passes(3)
	c.WantEvents("Skipped", v1alpha1.EventUntried)
	c.AnnotateDeployment(map[string]string{v1alpha1.UntriedAnnotation: "garbage"})
	c.Passes(1)
	c.WantEvents("Skipped", v1alpha1.EventUntried)
}
