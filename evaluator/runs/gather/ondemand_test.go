package gather

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
)

// A record is opened when it has changed, and not at each look: one of the same text is the one that was
// found.
func TestARecordIsOpenedWhenItHasChanged(t *testing.T) {
	key := hold.NewKey()
	seal := func(id string, next *hold.Record) string {
		text, err := key.Seal(hold.Record{ID: id, Run: "web-1", Hash: "abc", UID: "uid-web", HeldAt: time.Unix(9, 0), Next: next})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	g := &Gatherer{Objects: &objects.Reader{Key: key}}
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1"}}
	look := func(annotation string, uid types.UID) (*hold.Outline, error) {
		d := objects.Deployment{Unstructured: objects.NewDeployment()}
		d.SetUID(uid)
		if annotation != "" {
			d.SetAnnotations(map[string]string{v1alpha1.HeldAnnotation: annotation})
		}
		return g.outline(&Observed{CanaryRun: run, DeploymentObject: d, read: new(onDemand)})
	}
	mustLook := func(annotation string) *hold.Outline {
		t.Helper()
		outline, err := look(annotation, "uid-web")
		if err != nil {
			t.Fatal(err)
		}
		return outline
	}

	first := seal("first", nil)
	found := mustLook(first)
	if found.ID != "first" || found.Waiting {
		t.Errorf("found %+v", found)
	}
	if mustLook(first) != found {
		t.Error("a record of the same text was opened again")
	}
	if now := mustLook(seal("first", &hold.Record{ID: "next"})); !now.Waiting {
		t.Errorf("an update that waits since was not seen: %+v", now)
	}
	if _, err := look(first, "uid-other"); !errors.Is(err, hold.ErrSeal) {
		t.Errorf("the record of another Deployment: %v", err)
	}
	if _, err := look(first+" ", "uid-web"); err != nil { // JSON may end in white space
		t.Error(err)
	}
	if _, err := look("{}", "uid-web"); !errors.Is(err, hold.ErrSeal) {
		t.Errorf("no record of Holdfast's: %v", err)
	}
	if now := mustLook(""); now != nil {
		t.Errorf("without a record: %+v", now)
	}
	if mustLook(first) == found {
		t.Error("what was known of a record stayed when it was gone")
	}
}
