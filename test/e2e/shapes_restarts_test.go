package e2e

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Restarts by other tools than kubectl, and templates that are others at every sync.

// feed is a Deployment called shaped whose template has these annotations, as JSON.
func feed(version, annotations string) string {
	return strings.Replace(shaped(version, 1), "metadata: {labels: {app: shaped}}", "metadata: {labels: {app: shaped}, annotations: {"+annotations+"}}", 1)
}

// canaryRuns are all of the namespace.
func (s *shop) canaryRuns() []v1alpha1.CanaryRun {
	s.t.Helper()
	var runs v1alpha1.CanaryRunList
	if err := world.client.List(s.t.Context(), &runs, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	return runs.Items
}

// wantShaped says which image and which annotation of its template the Deployment has.
func (s *shop) wantShaped(version, annotation, value string) {
	s.t.Helper()
	template := s.deployment("shaped").Spec.Template
	if template.Spec.Containers[0].Image != "holdfast.test/app:"+version || template.Annotations[annotation] != value {
		s.t.Fatalf("the Deployment runs %s with annotations %v, want %s with %s: %s",
			template.Spec.Containers[0].Image, template.Annotations, version, annotation, value)
	}
}

func (s *shop) wantNoEvent(reason string) {
	s.t.Helper()
	var events eventsv1.EventList
	if err := world.client.List(s.t.Context(), &events, client.InNamespace(s.namespace), matchingFields("reason", reason)); err != nil {
		s.t.Fatal(err)
	}
	if len(events.Items) > 0 {
		s.t.Errorf("%s: %s", reason, events.Items[0].Note)
	}
}

// TestRestartsByOtherTools pass at once, as that of kubectl does. The marks are those of
// rancher/dashboard#16445 (Rancher), stakater/Reloader#591 and #724 (Reloader, by an
// annotation and by a variable), hashicorp/vault-secrets-operator#1124, 1Password/onepassword-operator#6 and of
// scripts, argoproj/argo-rollouts#144 (a restart must not go through the steps).
func TestRestartsByOtherTools(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: shapePlan, replicas: 1})
	s.must("apply", "-f", "-", shaped("v1", 1))
	await(s, "shaped is available", "shaped", &appsv1.Deployment{}, rolledOut)
	annotate := func(key, value string) string {
		return fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{%q:%q}}}}}`, key, value)
	}
	for tool, patch := range map[string]string{
		"Rancher":                   annotate("cattle.io/timestamp", "2026-05-04T08:00:00Z"),
		"a script":                  annotate("kubectl.kubernetes.io/restartedAt", "1777881720"),
		"Reloader":                  annotate("reloader.stakater.com/last-reloaded-from", `{"type":"SECRET","name":"db-login"}`),
		"Reloader, by a variable":   `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"STAKATER_DB_LOGIN_SECRET","value":"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed"}]}]}}}}`,
		"Vault Secrets Operator":    annotate("vso.secrets.hashicorp.com/restartedAt", "2026-05-04T08:00:00Z"),
		"the operator of 1Password": annotate("operator.1password.io/last-restarted", "2026-05-04 08:00:00 +0000 UTC"),
	} {
		before := s.deployment("shaped").Generation
		if said := s.must("patch", "deployment", "shaped", "-p", patch); strings.Contains(said, "held") {
			t.Errorf("%s: %s", tool, said)
		}
		if d := s.deployment("shaped"); d.Generation == before || d.Annotations[v1alpha1.HeldAnnotation] != "" {
			t.Errorf("%s: the restart has not passed", tool)
		}
	}
	if said := s.must("patch", "deployment", "shaped", "-p", annotate("checksum/config", "1")); !strings.Contains(said, "update held") {
		t.Errorf("what nobody named passes: %s", said)
	}
	s.must("annotate", "deployment", "shaped", v1alpha1.HeldAnnotation+"-")
	await(s, "shaped is restarted", "shaped", &appsv1.Deployment{}, rolledOut)
	s.wantNoEvent(v1alpha1.EventUngatedUpdate)
}

// TestARestartOfOthersDuringAHold: stable pods restart now, and what is held comes with the mark, known
// as what was tried.
func TestARestartOfOthersDuringAHold(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: shapePlan, replicas: 1})
	run := s.holdShaped(1)
	s.decide(run.Name, `"paused":true`) // it does not end meanwhile
	mark := `{"spec":{"template":{"metadata":{"annotations":{"cattle.io/timestamp":"2026-05-04T08:00:00Z"}}}}}`
	s.must("patch", "deployment", "shaped", "-p", mark)
	s.wantShaped("v1", "cattle.io/timestamp", "2026-05-04T08:00:00Z")
	s.decide(run.Name, `"paused":false`)
	s.awaitReason(run.Name, v1alpha1.ReasonRolledOut)
	s.wantShaped("v2", "cattle.io/timestamp", "2026-05-04T08:00:00Z")
	await(s, "shaped is stamped", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Annotations[v1alpha1.StableAnnotation] != "" })
	s.wantNoEvent(v1alpha1.EventUngatedUpdate)
	if runs := s.canaryRuns(); len(runs) != 1 {
		t.Errorf("there are %d runs", len(runs))
	}
}

// TestAnAnnotationThatIsAnotherOneAtEverySync, which the plan names, is noise: the update beside it is one and
// the same. loculus-project/loculus#6433 (timestamp), Infisical/infisical#6087 (updatedAt),
// grafana-cold-storage/oncall#4355 (random-annotation).
func TestAnAnnotationThatIsAnotherOneAtEverySync(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"timestamp", "updatedAt", "random-annotation"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{noLoad: true, plan: shapePlan + "  restartMarks: [timestamp, updatedAt, random-annotation]\n", replicas: 1})
			sync := func(version string, n int) string {
				return s.must("apply", "-f", "-", feed(version, fmt.Sprintf("%s: %q", key, fmt.Sprint(n))))
			}
			sync("v1", 0)
			await(s, "shaped is available", "shaped", &appsv1.Deployment{}, rolledOut)
			if said := sync("v1", 1); strings.Contains(said, "held") {
				t.Errorf("nothing but noise: %s", said)
			}
			s.wantShaped("v1", key, "1")
			run := s.newestRun(sync("v2", 2))
			s.decide(run.Name, `"paused":true`) // it does not end meanwhile
			for n := 3; n < 6; n++ {
				if said := sync("v2", n); !strings.Contains(said, "held already") {
					t.Errorf("the held update with other noise: %s", said)
				}
			}
			s.decide(run.Name, `"paused":false`)
			s.awaitReason(run.Name, v1alpha1.ReasonRolledOut)
			s.wantShaped("v2", key, "5")
			if runs := s.canaryRuns(); len(runs) != 1 {
				t.Errorf("there are %d runs", len(runs))
			}
		})
	}
}

// TestUpdatesFasterThanACanary are told by a Warning when several were superseded in a row:
// fluxcd/flagger#30, loculus-project/loculus#6433.
func TestUpdatesFasterThanACanary(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: strings.Replace(shapePlan, "period: 6s", "period: 15s", 1), replicas: 1})
	s.must("apply", "-f", "-", feed("v1", `build: "0"`))
	await(s, "shaped is available", "shaped", &appsv1.Deployment{}, rolledOut)
	for n := 1; n <= 4; n++ {
		s.newestRun(s.must("apply", "-f", "-", feed("v2", fmt.Sprintf("build: %q", fmt.Sprint(n)))))
	}
	awaitEvent(s, v1alpha1.EventUpdatesTooFast)
	var last string
	for _, run := range s.canaryRuns() {
		if run.Status.Phase != v1alpha1.PhaseSuperseded {
			last = run.Name
		}
	}
	s.awaitPhase(last, v1alpha1.PhaseReleased)
	s.wantShaped("v2", "build", "4")
}

// TestNewUpdatesWait where the plan says so: the run under way is finished first, and the newest comes next.
// argoproj/argo-rollouts#4975 (defer new deployments while a rollout is in progress), #1372 (a change pushed in the middle
// of a rollout).
func TestNewUpdatesWait(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"for one that passes": false, "for one that fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := strings.Replace(shapePlan, "failureLimit: 2}\n", "failureLimit: 2}\n  newUpdates: Wait\n", 1)
			s := open(t, settings{noLoad: true, plan: plan, replicas: 1})
			run := s.holdShaped(1)
			s.awaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.decide(run.Name, `"paused":true`) // it does not end meanwhile
			for _, build := range []string{"1", "2"} {
				if said := s.must("apply", "-f", "-", feed("v3", "build: "+fmt.Sprintf("%q", build))); !strings.Contains(said, "when run "+run.Name) {
					t.Errorf("kubectl says: %s", said)
				}
			}
			if fails {
				s.decide(run.Name, `"decision":"Abort"`)
				s.awaitPhase(run.Name, v1alpha1.PhaseReverted)
			} else {
				s.decide(run.Name, `"paused":false`)
				s.awaitPhase(run.Name, v1alpha1.PhaseReleased)
			}
			await(s, "the newest is released", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
				return d.Spec.Template.Annotations["build"] == "2" && d.Annotations[v1alpha1.HeldAnnotation] == ""
			})
			s.wantShaped("v3", "build", "2")
			if runs := s.canaryRuns(); len(runs) != 2 {
				t.Errorf("there are %d runs, want one for the first update and one for the newest", len(runs))
			}
			s.wantNoEvent(v1alpha1.EventUngatedUpdate)
			s.wantNoEvent(v1alpha1.EventUpdatesTooFast)
		})
	}
}

// TestATenantCannotNameMarksOfARestart where a policy guards: what their plan names counts for nothing, and
// a variable that is named as Reloader's has to have a hash. A policy can have a list of its own.
func TestATenantCannotNameMarksOfARestart(t *testing.T) {
	t.Parallel()
	s := openTenancy(t, patient)
	s.joe("patch", "canaryplan", "default", "--type=merge", "-p", `{"spec":{"restartMarks":["mode"]}}`)
	for what, patch := range map[string]string{
		"an annotation of theirs": `{"spec":{"template":{"metadata":{"annotations":{"mode":"evil"}}}}}`,
		"a variable":              `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"STAKATER_MODE_SECRET","value":"evil"}]}]}}}}`,
	} {
		if said := s.joe("patch", "deployment", "web", "-p", patch); !strings.Contains(said, "update held") {
			t.Errorf("%s: kubectl says:\n%s", what, said)
		}
	}
	if said := s.joe("patch", "deployment", "web", "-p", `{"spec":{"template":{"metadata":{"annotations":{"cattle.io/timestamp":"1"}}}}}`); strings.Contains(said, "held in place") {
		t.Errorf("a restart by Rancher: kubectl says:\n%s", said)
	}
}
