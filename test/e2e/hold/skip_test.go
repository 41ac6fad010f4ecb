package hold

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
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
func openToTwo(t *testing.T, guard string) *shop.Shop {
	t.Helper()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Guard: guard})
	s.Must("apply", "-f", "-", shopUsers)
	s.AwaitCan("jane", "update", "deployments.apps")
	s.AwaitCan("ann", "bypass", "canaryruns.holdfast.dev")
	return s
}

// TestWhoMayUpdatesWithoutACanaryOnce for each value of the annotation, which may stay.
func TestWhoMayUpdatesWithoutACanaryOnce(t *testing.T) {
	t.Parallel()
	s := openToTwo(t, v1alpha1.CanaryRequired)
	said := s.Must("--as=ann", "apply", "-f", "-", s.Skipping("v2", "hotfix"))
	if !strings.Contains(said, "passed without a canary") || !strings.Contains(said, "hotfix") {
		t.Errorf("kubectl says:\n%s", said)
	}
	s.WantImage("v2")
	s.AwaitAvailable()
	s.WantEvents(v1alpha1.ReasonSkipped)
	if said := s.Must("--as=ann", "apply", "-f", "-", s.Skipping("v2", "hotfix")); strings.Contains(said, "holdfast") {
		t.Errorf("applied again, kubectl says:\n%s", said)
	}
	run := s.NewestRun(s.Must("--as=ann", "apply", "-f", "-", s.Skipping("v3", "hotfix")))
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.WantImage("v2")

	s.Must("--as=ann", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=no time")
	s.WantImage("v3")
	if ended := s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled); ended.Status.Reason != v1alpha1.ReasonSkipped {
		t.Errorf("the run ended for %s: %s", ended.Status.Reason, ended.Status.Message)
	}
	s.WantNoCanary()
}

// TestWhoMayNotIsRefusedOrHeld: refused by a request that asks for a skip, held
// where the annotation was there already, until somebody comes who may.
func TestWhoMayNotIsRefusedOrHeld(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		t.Run(guard, func(t *testing.T) {
			t.Parallel()
			s := openToTwo(t, guard)
			before := s.Object()
			if said := s.Refused("--as=jane", "apply", "-f", "-", s.Skipping("v2", "impatience")); !strings.Contains(said, `"bypass" on canaryruns.holdfast.dev`) || !strings.Contains(said, "(Forbidden)") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.WantNothingDone(before)

			s.Must("--as=jane", "annotate", "deployment", "web", "holdfast.dev/skip=impatience")
			said := s.Must("--as=jane", "set", "image", "deployment/web", "app=holdfast.test/app:v2")
			if !strings.Contains(said, "update held") || !strings.Contains(said, "left aside") {
				t.Errorf("kubectl says:\n%s", said)
			}
			run := s.NewestRun(said)
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.Must("--as=ann", "label", "deployment", "web", "seen-by=ann")
			s.WantImage("v1")
			s.Refused("--as=jane", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=more of it")

			s.Must("--as=ann", "annotate", "--overwrite", "deployment", "web", "holdfast.dev/skip=checked by hand")
			s.WantImage("v2")
			if ended := s.AwaitPhase(run.Name, v1alpha1.PhaseCanceled); ended.Status.Reason != v1alpha1.ReasonSkipped {
				t.Errorf("the run ended for %s: %s", ended.Status.Reason, ended.Status.Message)
			}
			s.WantEvents(v1alpha1.ReasonSkipped)
		})
	}
}

// TestARollbackBringsNoSkipBack: kubectl rollout undo puts the annotations of the
// earlier revision on the Deployment, a skip that was used up among them.
func TestARollbackBringsNoSkipBack(t *testing.T) {
	t.Parallel()
	s := openToTwo(t, v1alpha1.CanaryEnabled)
	for _, version := range []string{"v2", "v3"} {
		s.Must("--as=ann", "apply", "-f", "-", s.Skipping(version, "for "+version))
		s.WantImage(version)
		s.AwaitAvailable()
	}
	s.Must("rollout", "undo", "deployment/web")
	s.AwaitAvailable()
	if said := s.Must("--as=ann", "set", "image", "deployment/web", "app=holdfast.test/app:v4"); !strings.Contains(said, "update held") {
		t.Errorf("kubectl says:\n%s", said)
	}
}
