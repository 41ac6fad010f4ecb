package gitops_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/gitops"
)

// TestAReleasedUpdateIsInSyncAndTheEnginesOwn: after the release the engine
// finds what Git says, healthy, as if it had written it itself; and the next
// update is held like the first.
func TestAReleasedUpdateIsInSyncAndTheEnginesOwn(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		s.awaitPhase(s.try("v2").Name, v1alpha1.PhaseReleased)
		s.awaitRolledOut()
		s.wantImage("v2")
		s.wantHealth(gitops.Healthy)
		s.stays(true)
		if owners := s.ownersOfImage(); !cmp.Equal(owners, []string{s.engine.Manager()}) {
			t.Errorf("the image is owned by %v, want only %s", owners, s.engine.Manager())
		}
		s.awaitPhase(s.try("v3").Name, v1alpha1.PhaseReleased)
		s.awaitRolledOut()
		s.wantImage("v3")
		s.stays(true)
	}, asking, marked, owning, comparing)
}

// ownersOfImage are the field managers that own the container's image.
func (s *shop) ownersOfImage() []string {
	s.t.Helper()
	image := fieldpath.MakePathOrDie("spec", "template", "spec", "containers", fieldpath.KeyByFields("name", "app"), "image")
	var owners []string
	for _, entry := range s.deployment().ManagedFields {
		if entry.FieldsV1 != nil && s.fields(entry).Has(image) {
			owners = append(owners, entry.Manager)
		}
	}
	return owners
}

// TestARejectedUpdateIsNotTriedAgainHoweverOftenItIsSynced, and the next one is
// held as any other.
func TestARejectedUpdateIsNotTriedAgainHoweverOftenItIsSynced(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		s.awaitPhase(s.try("v2", crashing).Name, v1alpha1.PhaseReverted)
		s.wantImage("v1")
		s.stays(m.sight == asking)
		s.wantRuns(1)
		s.awaitPhase(s.try("v3").Name, v1alpha1.PhaseReleased)
		s.awaitRolledOut()
		s.wantImage("v3")
		s.wantHealth(gitops.Healthy)
		s.stays(true)
	}, asking, marked, owning, comparing)
}

// TestAGitRevertAfterARejectionIsInSync: Git says what the Deployment never stopped to be.
func TestAGitRevertAfterARejectionIsInSync(t *testing.T) {
	inModes(t, func(t *testing.T, m mode) {
		s := open(t, m, good)
		s.awaitPhase(s.try("v2", crashing).Name, v1alpha1.PhaseReverted)
		s.commit("v1")
		s.round()
		s.stays(true)
		s.wantRuns(1)
		s.wantImage("v1")
	}, asking, marked, owning, comparing)
}

func (s *shop) fields(entry metav1.ManagedFieldsEntry) *fieldpath.Set {
	s.t.Helper()
	set := &fieldpath.Set{}
	if err := set.FromJSON(entry.FieldsV1.GetRawReader()); err != nil {
		s.t.Fatalf("managed fields of %s: %v", entry.Manager, err)
	}
	return set
}
