package deployments_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/hold"
)

// TestACopyForgetsWhatWasDoneElsewhere: a Deployment that was made of the text of
// another one where no webhook saw it.
func TestACopyForgetsWhatWasDoneElsewhere(t *testing.T) {
	memory := func(uids ...types.UID) string {
		var r hold.Rejected
		for _, uid := range uids {
			r = append(r, hold.Rejection{Hash: hold.Hash("of-" + uid), UID: uid, Run: "web-x"})
		}
		encoded, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return encoded
	}
	for name, tc := range map[string]struct{ rejected, failed, wantRejected, wantFailed string }{
		"all of it":               {memory("uid-other"), "of-uid-other", "", ""},
		"but for what is its own": {memory("uid-other", "uid-web"), "of-uid-web", memory("uid-web"), "of-uid-web"},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.AnnotateDeployment(map[string]string{
				v1alpha1.RejectedAnnotation: tc.rejected, v1alpha1.FailedAnnotation: tc.failed, v1alpha1.StableAnnotation: "of another",
			})
			c.Passes(4)
			got := c.Deployment().Annotations
			if got[v1alpha1.RejectedAnnotation] != tc.wantRejected || got[v1alpha1.FailedAnnotation] != tc.wantFailed {
				t.Errorf("it remembers %q, failed is %q; want %q, %q",
					got[v1alpha1.RejectedAnnotation], got[v1alpha1.FailedAnnotation], tc.wantRejected, tc.wantFailed)
			}
			if got[v1alpha1.StableAnnotation] != evaluatortest.Stamp(t, "v1") {
				t.Errorf("the stamp is %q", got[v1alpha1.StableAnnotation])
			}
			c.WantEvents() // no update that there was not
		})
	}
}

// TestAMemoryOfItsOwnStays, also one that does not say whose it is.
func TestAMemoryOfItsOwnStays(t *testing.T) {
	for _, memory := range []string{`[{"hash":"a","uid":"uid-web"}]`, `[{"hash":"a"}]`, `{`} {
		c := evaluatortest.NewCluster(t)
		c.AnnotateDeployment(map[string]string{v1alpha1.RejectedAnnotation: memory, v1alpha1.FailedAnnotation: "a"})
		c.Passes(4)
		if got := c.Deployment().Annotations; got[v1alpha1.RejectedAnnotation] != memory || got[v1alpha1.FailedAnnotation] != "a" {
			t.Errorf("of %s there is left %v", memory, got)
		}
	}
}

// TestTheRecordOfAnotherDeploymentIsToldAsThat, with the run that tried it there.
func TestTheRecordOfAnotherDeploymentIsToldAsThat(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	encoded, err := hold.NewKey().Seal(hold.Record{ID: "x", Run: "web-there", Hash: "abc", UID: "uid-other"}) // of another cluster
	c.Must(err)
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: encoded})
	c.Passes(4)
	c.WantEvents(v1alpha1.ReasonRecordUnreadable)
	if told := strings.Join(c.Events, "\n"); !strings.Contains(told, "made of the text of another Deployment, on which run web-there tried template abc") {
		t.Errorf("told is:\n%s", told)
	}
}
