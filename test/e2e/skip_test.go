package e2e

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// shopUsers may both edit the shop; ann may update without a canary.
const shopUsers = `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: editors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}, {apiGroup: rbac.authorization.k8s.io, kind: User, name: jane}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: canary-bypass}
rules:
- {apiGroups: [holdfast.dev], resources: [canaryruns], verbs: [bypass]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: canary-bypass}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: canary-bypass}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: ann}]
`

// openToTwo is a shop with ann and jane.
func openToTwo(t *testing.T, guard string) *shop {
	t.Helper()
	s := open(t, settings{noLoad: true, plan: patient, guard: guard})
	s.must("apply", "-f", "-", shopUsers)
	s.awaitCan("jane", "update", "deployments.apps")
	s.awaitCan("ann", "bypass", "canaryruns.holdfast.dev")
	return s
}

// skipping is the manifest of a version with a reason to skip its canary.
func (s *shop) skipping(version, reason string) string {
	s.t.Helper()
	return strings.Replace(s.web(version), "metadata: {name: web}\nspec:\n  replicas",
		"metadata: {name: web, annotations: {holdfast.dev/skip: "+reason+"}}\nspec:\n  replicas", 1)
}

// TestWhoMayUpdatesWithoutACanaryOnce for each value of the annotation, which may stay.
func TestWhoMayUpdatesWithoutACanaryOnce(t *testing.T) {
	t.Parallel()
	s := openToTwo(t, v1alpha1.CanaryRequired)
	said := s.must("--as=ann", "apply", "-f", "-", s.skipping("v2", "hotfix"))
	if !strings.Contains(said, "passed without a canary") || !strings.Contains(said, "hotfix") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.wantImage("v2")
	s.awaitAvailable()
	s.wantEvents(v1alpha1.ReasonSkipped)
	if said := s.must("--as=ann", "apply", "-f", "-", s.skipping("v2", "hotfix")); strings.Contains(said, "holdfast") {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	run := s.newestRun(s.must("--as=ann", "apply", "-f", "-", s.skipping("v3", "hotfix")))
	s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.wantImage("v2")

	s.must("--as=ann", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=no time")
	s.wantImage("v3")
	if ended := s.awaitPhase(run.Name, v1alpha1.PhaseCanceled); ended.Status.Reason != v1alpha1.ReasonSkipped {
		t.Errorf("the run ended for %s: %s", ended.Status.Reason, ended.Status.Message)
	}
	s.wantNoCanary()
}

// TestWhoMayNotIsRefusedOrHeld: refused by a request that asks for a skip, held
// where the annotation was there already, until somebody comes who may.
func TestWhoMayNotIsRefusedOrHeld(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		t.Run(guard, func(t *testing.T) {
			t.Parallel()
			s := openToTwo(t, guard)
			before := s.object()
			if said := s.refused("--as=jane", "apply", "-f", "-", s.skipping("v2", "impatience")); !strings.Contains(said, `"bypass" on canaryruns.holdfast.dev`) || !strings.Contains(said, "(Forbidden)") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.wantNothingDone(before)

			s.must("--as=jane", "annotate", "deployment", "web", "holdfast.dev/skip=impatience")
			said := s.must("--as=jane", "set", "image", "deployment/web", "app=holdfast.test/app:v2")
			if !strings.Contains(said, "update held") || !strings.Contains(said, "left aside") {
				t.Errorf("kubectl says:\n%s", said)
			}
			run := s.newestRun(said)
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.must("--as=ann", "label", "deployment", "web", "seen-by=ann")
			s.wantImage("v1")
			s.refused("--as=jane", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=more of it")

			s.must("--as=ann", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=checked by hand")
			s.wantImage("v2")
			if ended := s.awaitPhase(run.Name, v1alpha1.PhaseCanceled); ended.Status.Reason != v1alpha1.ReasonSkipped {
				t.Errorf("the run ended for %s: %s", ended.Status.Reason, ended.Status.Message)
			}
			s.wantEvents(v1alpha1.ReasonSkipped)
		})
	}
}

// TestARollbackBringsNoSkipBack: kubectl rollout undo puts the annotations of the
// earlier revision on the Deployment, a skip that was used up among them.
func TestARollbackBringsNoSkipBack(t *testing.T) {
	t.Parallel()
	s := openToTwo(t, v1alpha1.CanaryEnabled)
	for _, version := range []string{"v2", "v3"} {
		s.must("--as=ann", "apply", "-f", "-", s.skipping(version, "for "+version))
		s.wantImage(version)
		s.awaitAvailable()
	}
	s.must("rollout", "undo", "deployment/web")
	s.awaitAvailable()
	if said := s.must("--as=ann", "set", "image", "deployment/web", "app=holdfast.test/app:v4"); !strings.Contains(said, "update held") {
		t.Errorf("kubectl says:\n%s", said)
	}
}
