package shapes

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// Restarts by other tools than kubectl, and templates that are others at every sync.

// feed is a Deployment called shaped whose template has these annotations, as JSON.
func feed(version, annotations string) string {
	return strings.Replace(shop.Shaped(version, 1), "metadata: {labels: {app: shaped}}", "metadata: {labels: {app: shaped}, annotations: {"+annotations+"}}", 1)
}

// canaryRuns are all of the namespace.
func canaryRuns(s *shop.Shop) []v1alpha1.CanaryRun {
	s.T.Helper()
	var runs v1alpha1.CanaryRunList
	if err := shop.World.Client.List(s.T.Context(), &runs, client.InNamespace(s.Namespace)); err != nil {
		s.T.Fatal(err)
	}
	return runs.Items
}

// wantShaped says which image and which annotation of its template the Deployment has.
func wantShaped(s *shop.Shop, version, annotation, value string) {
	s.T.Helper()
	template := s.Deployment("shaped").Spec.Template
	if template.Spec.Containers[0].Image != "holdfast.test/app:"+version || template.Annotations[annotation] != value {
		s.T.Fatalf("the Deployment runs %s with annotations %v, want %s with %s: %s",
			template.Spec.Containers[0].Image, template.Annotations, version, annotation, value)
	}
}

func wantNoEvent(s *shop.Shop, reason string) {
	s.T.Helper()
	var events eventsv1.EventList
	if err := shop.World.Client.List(s.T.Context(), &events, client.InNamespace(s.Namespace), shop.MatchingFields("reason", reason)); err != nil {
		s.T.Fatal(err)
	}
	if len(events.Items) > 0 {
		s.T.Errorf("%s: %s", reason, events.Items[0].Note)
	}
}

// TestRestartsByOtherTools pass at once, as that of kubectl does. The marks are those of
// rancher/dashboard#16445 (Rancher), stakater/Reloader#591 and #724 (Reloader, by an annotation and by a
// variable), hashicorp/vault-secrets-operator#1124, 1Password/onepassword-operator#6 and of scripts,
// argoproj/argo-rollouts#144 (a restart must not go through the steps).
func TestRestartsByOtherTools(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
	s.Must("apply", "-f", "-", shop.Shaped("v1", 1))
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
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
		before := s.Deployment("shaped").Generation
		if said := s.Must("patch", "deployment", "shaped", "-p", patch); strings.Contains(said, "held") {
			t.Errorf("%s: %s", tool, said)
		}
		if d := s.Deployment("shaped"); d.Generation == before || d.Annotations[v1alpha1.HeldAnnotation] != "" {
			t.Errorf("%s: the restart has not passed", tool)
		}
	}
	if said := s.Must("patch", "deployment", "shaped", "-p", annotate("checksum/config", "1")); !strings.Contains(said, "update held") {
		t.Errorf("what nobody named passes: %s", said)
	}
	s.Must("annotate", "deployment", "shaped", v1alpha1.HeldAnnotation+"-")
	shop.Await(s, "shaped is restarted", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	wantNoEvent(s, v1alpha1.EventUngatedUpdate)
}

// TestARestartOfOthersDuringAHold: stable pods restart now, and what is held comes with the mark, known
// as what was tried.
func TestARestartOfOthersDuringAHold(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
	run := s.HoldShaped(1)
	s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
	mark := `{"spec":{"template":{"metadata":{"annotations":{"cattle.io/timestamp":"2026-05-04T08:00:00Z"}}}}}`
	s.Must("patch", "deployment", "shaped", "-p", mark)
	wantShaped(s, "v1", "cattle.io/timestamp", "2026-05-04T08:00:00Z")
	s.Decide(run.Name, `"paused":false`)
	s.AwaitReason(run.Name, v1alpha1.ReasonRolledOut)
	wantShaped(s, "v2", "cattle.io/timestamp", "2026-05-04T08:00:00Z")
	shop.Await(s, "shaped is stamped", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool { return d.Annotations[v1alpha1.StableAnnotation] != "" })
	wantNoEvent(s, v1alpha1.EventUngatedUpdate)
	if runs := canaryRuns(s); len(runs) != 1 {
		t.Errorf("there are %d runs", len(runs))
	}
}

// TestAnAnnotationThatIsAnotherOneAtEverySync, which the plan names, is noise: the update beside it is one
// and the same. loculus-project/loculus#6433 (timestamp), Infisical/infisical#6087 (updatedAt),
// grafana-cold-storage/oncall#4355 (random-annotation).
func TestAnAnnotationThatIsAnotherOneAtEverySync(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"timestamp", "updatedAt", "random-annotation"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan + "  restartMarks: [timestamp, updatedAt, random-annotation]\n", Replicas: 1})
			sync := func(version string, n int) string {
				return s.Must("apply", "-f", "-", feed(version, fmt.Sprintf("%s: %q", key, fmt.Sprint(n))))
			}
			sync("v1", 0)
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			if said := sync("v1", 1); strings.Contains(said, "held") {
				t.Errorf("nothing but noise: %s", said)
			}
			wantShaped(s, "v1", key, "1")
			run := s.NewestRun(sync("v2", 2))
			s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
			for n := 3; n < 6; n++ {
				if said := sync("v2", n); !strings.Contains(said, "held already") {
					t.Errorf("the held update with other noise: %s", said)
				}
			}
			s.Decide(run.Name, `"paused":false`)
			s.AwaitReason(run.Name, v1alpha1.ReasonRolledOut)
			wantShaped(s, "v2", key, "5")
			if runs := canaryRuns(s); len(runs) != 1 {
				t.Errorf("there are %d runs", len(runs))
			}
		})
	}
}

// TestUpdatesFasterThanACanary are told by a Warning when several were superseded in a row:
// fluxcd/flagger#30, loculus-project/loculus#6433.
func TestUpdatesFasterThanACanary(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 15s", 1), Replicas: 1})
	s.Must("apply", "-f", "-", feed("v1", `build: "0"`))
	shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
	for n := 1; n <= 4; n++ {
		s.NewestRun(s.Must("apply", "-f", "-", feed("v2", fmt.Sprintf("build: %q", fmt.Sprint(n)))))
	}
	shop.AwaitEvent(s, v1alpha1.EventUpdatesTooFast)
	var last string
	for _, run := range canaryRuns(s) {
		if run.Status.Phase != v1alpha1.PhaseSuperseded {
			last = run.Name
		}
	}
	s.AwaitPhase(last, v1alpha1.PhaseReleased)
	wantShaped(s, "v2", "build", "4")
}

// TestNewUpdatesWait where the plan says so: the run under way is finished first, and the newest comes next.
// argoproj/argo-rollouts#4975 (defer new deployments while a rollout is in progress), #1372 (a change pushed
// in the middle of a rollout).
func TestNewUpdatesWait(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]bool{"for one that passes": false, "for one that fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := strings.Replace(shop.ShapePlan, "failureLimit: 2}\n", "failureLimit: 2}\n  newUpdates: Wait\n", 1)
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: plan, Replicas: 1})
			run := s.HoldShaped(1)
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
			for _, build := range []string{"1", "2"} {
				if said := s.Must("apply", "-f", "-", feed("v3", "build: "+fmt.Sprintf("%q", build))); !strings.Contains(said, "when run "+run.Name) {
					t.Errorf("kubectl says: %s", said)
				}
			}
			if fails {
				s.Decide(run.Name, `"decision":"Abort"`)
				s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
			} else {
				s.Decide(run.Name, `"paused":false`)
				s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			}
			shop.Await(s, "the newest is released", "shaped", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
				return d.Spec.Template.Annotations["build"] == "2" && d.Annotations[v1alpha1.HeldAnnotation] == ""
			})
			wantShaped(s, "v3", "build", "2")
			if runs := canaryRuns(s); len(runs) != 2 {
				t.Errorf("there are %d runs, want one for the first update and one for the newest", len(runs))
			}
			wantNoEvent(s, v1alpha1.EventUngatedUpdate)
			wantNoEvent(s, v1alpha1.EventUpdatesTooFast)
		})
	}
}

// TestATenantCannotNameMarksOfARestart where a policy guards: what their plan names counts for nothing, and
// a variable that is named as Reloader's has to have a hash. A policy can have a list of its own.
func TestATenantCannotNameMarksOfARestart(t *testing.T) {
	t.Parallel()
	s := shop.OpenTenancy(t, shop.Patient)
	s.Joe("patch", "canaryplan", "default", "--type=merge", "-p", `{"spec":{"restartMarks":["mode"]}}`)
	for what, patch := range map[string]string{
		"an annotation of theirs": `{"spec":{"template":{"metadata":{"annotations":{"mode":"evil"}}}}}`,
		"a variable":              `{"spec":{"template":{"spec":{"containers":[{"name":"app","env":[{"name":"STAKATER_MODE_SECRET","value":"evil"}]}]}}}}`,
	} {
		if said := s.Joe("patch", "deployment", "web", "-p", patch); !strings.Contains(said, "update held") {
			t.Errorf("%s: kubectl says:\n%s", what, said)
		}
	}
	if said := s.Joe("patch", "deployment", "web", "-p", `{"spec":{"template":{"metadata":{"annotations":{"cattle.io/timestamp":"1"}}}}}`); strings.Contains(said, "held in place") {
		t.Errorf("a restart by Rancher: kubectl says:\n%s", said)
	}
}
