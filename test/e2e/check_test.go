package e2e

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// wantNothingDone: a request had no effect: the Deployment is as it was, and
// there is neither a run nor an event of one.
func (s *shop) wantNothingDone(before string) {
	s.t.Helper()
	if after := s.object(); after != before {
		s.t.Errorf("the object changed from\n%s\nto\n%s", before, after)
	}
	var runs v1alpha1.CanaryRunList
	var events corev1.EventList
	for _, err := range []error{
		world.client.List(s.t.Context(), &runs, inNamespace(s)),
		world.client.List(s.t.Context(), &events, inNamespace(s), matchingFields("involvedObject.name", "web", "reason", "Held")),
	} {
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if len(runs.Items)+len(events.Items) > 0 {
		s.t.Errorf("there are %d runs and %d events", len(runs.Items), len(events.Items))
	}
}

// refused runs kubectl and returns the words of the refusal that must come.
func (s *shop) refused(args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.kubectl(args...)
	if code == 0 {
		s.t.Fatalf("kubectl %v is not refused; it says:\n%s%s", args[:min(3, len(args))], stdout, stderr)
	}
	return stderr
}

// TestAnInvalidTemplateIsRefusedAsWithoutHoldfast, word for word: validation
// would only ever see the stable template.
func TestAnInvalidTemplateIsRefusedAsWithoutHoldfast(t *testing.T) {
	t.Parallel()
	guarded := open(t, settings{noLoad: true, plan: patient})
	free := open(t, settings{noLoad: true})
	free.must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
	before := guarded.object()
	same := func(way []string, manifest string) {
		t.Helper()
		args := slices.Concat(way, []string{"-f", "-", manifest})
		want, got := free.refused(args...), guarded.refused(args...)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: the refusal differs (-without Holdfast +with):\n%s\n%s", way, diff, manifest)
		}
	}
	for _, mistake := range [][2]string{
		{"containerPort: 8080", "containerPort: 99999"},
		{"labels: {app: web}\n      annotations", "labels: {app: other}\n      annotations"},
		{"image: holdfast.test/app:v1", `image: ""`},
		{"path: /readyz, port: http", "path: /readyz, port: no such port of mine"},
		{"ports:", "env: [{name: \"\", value: x}]\n        ports:"},
		{"ports:", "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]\n        ports:"},
		{"ports:", "volumeMounts: [{name: none, mountPath: /x}]\n        ports:"},
	} {
		same([]string{"apply"}, strings.Replace(guarded.web("v1"), mistake[0], mistake[1], 1))
	}
	noPort := strings.Replace(guarded.web("v1"), "containerPort: 8080", "containerPort: 99999", 1)
	for _, way := range [][]string{{"apply", "--server-side", "--force-conflicts"}, {"apply", "--dry-run=server"}, {"replace"}} {
		same(way, noPort)
	}
	guarded.wantNothingDone(before)
}

func TestWhatPoliciesAndWebhooksRefuseIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		install func(*neighbour)
		says    string
	}{
		"a policy":             {func(n *neighbour) { n.policy("Deny") }, "tag v2 is not approved"},
		"a validating webhook": {func(n *neighbour) { n.webhook("Validating", after, "/deny/v2", "are not for this shop") }, "are not for this shop"},
		"a mutating webhook before Holdfast's": {
			func(n *neighbour) { n.webhook("Mutating", before, "/deny/v2", "are not for this shop") }, "are not for this shop",
		},
		"a mutating webhook after Holdfast's": {
			func(n *neighbour) { n.webhook("Mutating", after, "/deny/v2", "are not for this shop") }, "are not for this shop",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{noLoad: true, plan: patient, guard: v1alpha1.CanaryRequired})
			tc.install(moveIn(s))
			before := s.object()
			for _, args := range [][]string{{"apply", "-f", "-", s.web("v2")}, {"apply", "--dry-run=server", "-f", "-", s.web("v2")}} {
				if said := s.refused(args...); !strings.Contains(said, tc.says) {
					t.Errorf("kubectl says:\n%s", said)
				}
			}
			s.wantNothingDone(before)
			if said := s.apply("v3"); !strings.Contains(said, "update held") {
				t.Errorf("another version: kubectl says:\n%s", said)
			}
		})
	}
}

// TestWarningsAboutTheNewTemplateReachTheUser: those in the answer to the
// request itself are about the stable one.
func TestWarningsAboutTheNewTemplateReachTheUser(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: patient})
	moveIn(s).policy("Warn")
	if said := s.apply("v2"); !strings.Contains(said, "update held") || strings.Count(said, "tag v2 is not approved") != 1 {
		t.Errorf("kubectl says:\n%s", said)
	}
}

// TestASlowWebhookLeavesTheTemplateUnchecked: it is held, and the user is told.
func TestASlowWebhookLeavesTheTemplateUnchecked(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		t.Run(guard, func(t *testing.T) {
			t.Parallel()
			s := open(t, settings{noLoad: true, plan: patient, guard: guard})
			// It is waited for by means of a fast one that is registered later.
			n := moveIn(s)
			n.webhook("Validating", after, "/slow/8s", "", "timeoutSeconds: 20", "failurePolicy: Fail")
			n.webhook("Mutating", after, "/annotate", "webhook.holdfast.test/seen")
			said := s.apply("v2")
			if !strings.Contains(said, "update held") || !strings.Contains(said, "could not be asked beforehand") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.awaitPhase(s.newestRun(said).Name, v1alpha1.PhaseRunning)
		})
	}
}

// TestWithoutPermissionToCheckUpdatesAreHeldUnchecked: what Holdfast may not do
// is no fault of the template. It runs alone, for nobody else to go unchecked.
func TestWithoutPermissionToCheckUpdatesAreHeldUnchecked(t *testing.T) {
	s := open(t, settings{noLoad: true, plan: patient})
	role := get(s, "holdfast", &rbacv1.ClusterRole{})
	restricted := role.DeepCopy()
	for i, rule := range restricted.Rules {
		if slices.Contains(rule.Resources, "deployments") {
			restricted.Rules[i].Verbs = slices.DeleteFunc(rule.Verbs, func(verb string) bool { return verb == "update" })
		}
	}
	if err := world.client.Update(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		restricted.Rules = role.Rules
		if err := world.client.Update(context.Background(), restricted); err != nil {
			t.Errorf("give Holdfast its permission back: %v", err)
		}
		s.awaitAccess("yes", evaluatorUser, "update", "deployments.apps")
	})
	s.awaitAccess("no", evaluatorUser, "update", "deployments.apps")
	said := s.apply("v2")
	if !strings.Contains(said, "update held") || !strings.Contains(said, `cannot update resource "deployments"`) {
		t.Errorf("kubectl says:\n%s", said)
	}
}

// awaitCan waits until the API server knows that a user may do something.
func (s *shop) awaitCan(user, verb, resource string) { s.awaitAccess("yes", user, verb, resource) }

// awaitAccess waits for an answer, "yes" or "no", of kubectl auth can-i.
func (s *shop) awaitAccess(answer, user, verb, resource string) {
	deadline := time.After(patience)
	for {
		result, err := world.cluster.Kubectl(context.Background(), "", "auth", "can-i", verb, resource, "-n", s.namespace, "--as", user)
		if err != nil {
			s.t.Fatal(err)
		}
		if strings.TrimSpace(result.Stdout) == answer {
			return
		}
		select {
		case <-deadline:
			s.t.Fatalf("may %s %s %s: %s, not %s", user, verb, resource, result.Stdout, answer)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestDryRunsTellTheTruthAndChangeNothing.
func TestDryRunsTellTheTruthAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: patient})
	before := s.object()
	for _, args := range [][]string{
		{"apply", "--dry-run=server", "-f", "-", s.web("v2")},
		{"apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-", s.web("v2")},
		{"set", "image", "deployment/web", "app=holdfast.test/app:v2", "--dry-run=server"},
		{"diff", "-f", "-", s.web("v2")},
	} {
		stdout, stderr, code := s.kubectl(args...)
		if !strings.Contains(stderr, "update held") {
			t.Errorf("kubectl %v says:\n%s", args[:3], stderr)
		}
		if args[0] == "diff" && (code != 1 || !strings.Contains(stdout, "+    "+v1alpha1.HeldAnnotation)) {
			t.Errorf("kubectl diff: exit code %d\n%s", code, stdout)
		}
	}
	s.wantNothingDone(before)
}

// TestAReleaseRefusedByALaterPolicyRejectsTheUpdate with the policy's words. The
// run starts only when there is a plan, and the policy is in force then.
func TestAReleaseRefusedByALaterPolicyRejectsTheUpdate(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true})
	s.must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
	s.apply("v2")
	s.wantEvents("PlanNotFound")
	moveIn(s).policy("Deny")
	s.must("apply", "-f", "-", planOf(`sum(up{ {{canary}} }) * 0`))
	run := s.wantReverted(s.onlyRun().Name, v1alpha1.ReasonReleaseRefused)
	if !strings.Contains(run.Status.Message, "tag v2 is not approved") {
		t.Errorf("the run says: %s", run.Status.Message)
	}
	s.wantEvents(v1alpha1.ReasonReleaseRefused)
}

// TestClashesOfLabelsAreRefusedWithFieldAndRemedy at an update. What can run
// without Holdfast may be created, with a warning where Holdfast is asked.
func TestClashesOfLabelsAreRefusedWithFieldAndRemedy(t *testing.T) {
	t.Parallel()
	s := open(t, settings{noLoad: true, plan: patient})
	clash := strings.Replace(s.web("v2"), "labels: {app: web}\n      annotations", "labels: {app: web, holdfast.dev/role: x}\n      annotations", 1)
	for _, part := range []string{"spec.template.metadata.labels[holdfast.dev/role]", "take it off", v1alpha1.CanaryAnnotation + "=disabled"} {
		if said := s.refused("apply", "-f", "-", clash); !strings.Contains(said, part) {
			t.Errorf("the refusal does not name %s:\n%s", part, said)
		}
	}
	s.must("delete", "deployment", "web")
	selector := strings.NewReplacer(
		"selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: web}, matchExpressions: [{key: canary, operator: DoesNotExist}]}",
		"metadata: {name: web}\nspec:\n  replicas", "metadata: {name: web, annotations: {holdfast.dev/plan: default}}\nspec:\n  replicas",
	).Replace(s.web("v1"))
	if said := s.must("apply", "-f", "-", selector); !strings.Contains(said, "spec.selector") {
		t.Errorf("at the creation kubectl says:\n%s", said)
	}
	await(s, "web is available", "web", &appsv1.Deployment{}, rolledOut)
	next := strings.Replace(selector, "app:v1", "app:v2", 1)
	if said := s.refused("apply", "-f", "-", next); !strings.Contains(said, "spec.selector") {
		t.Errorf("at the update kubectl says:\n%s", said)
	}
	s.must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
	s.must("apply", "-f", "-", next)
	s.wantImage("v2")
}
