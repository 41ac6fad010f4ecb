package neighbours

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestAnInvalidTemplateIsRefusedAsWithoutHoldfast, word for word: validation
// would only ever see the stable template.
func TestAnInvalidTemplateIsRefusedAsWithoutHoldfast(t *testing.T) {
	t.Parallel()
	guarded := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	free := shop.Open(t, shop.Settings{NoLoad: true})
	free.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
	before := guarded.Object()
	same := func(way []string, manifest string) {
		t.Helper()
		args := slices.Concat(way, []string{"-f", "-", manifest})
		want, got := free.Refused(args...), guarded.Refused(args...)
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
		same([]string{"apply"}, strings.Replace(guarded.Web("v1"), mistake[0], mistake[1], 1))
	}
	noPort := strings.Replace(guarded.Web("v1"), "containerPort: 8080", "containerPort: 99999", 1)
	for _, way := range [][]string{{"apply", "--server-side", "--force-conflicts"}, {"apply", "--dry-run=server"}, {"replace"}} {
		same(way, noPort)
	}
	guarded.WantNothingDone(before)
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
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Guard: v1alpha1.CanaryRequired})
			tc.install(moveIn(s))
			before := s.Object()
			for _, args := range [][]string{{"apply", "-f", "-", s.Web("v2")}, {"apply", "--dry-run=server", "-f", "-", s.Web("v2")}} {
				if said := s.Refused(args...); !strings.Contains(said, tc.says) {
					t.Errorf("kubectl says:\n%s", said)
				}
			}
			s.WantNothingDone(before)
			if said := s.Apply("v3"); !strings.Contains(said, "update held") {
				t.Errorf("another version: kubectl says:\n%s", said)
			}
		})
	}
}

// TestWarningsAboutTheNewTemplateReachTheUser: those in the answer to the
// request itself are about the stable one.
func TestWarningsAboutTheNewTemplateReachTheUser(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	moveIn(s).policy("Warn")
	if said := s.Apply("v2"); !strings.Contains(said, "update held") || strings.Count(said, "tag v2 is not approved") != 1 {
		t.Errorf("kubectl says:\n%s", said)
	}
}

// TestASlowWebhookLeavesTheTemplateUnchecked: it is held, and the user is told.
func TestASlowWebhookLeavesTheTemplateUnchecked(t *testing.T) {
	t.Parallel()
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		t.Run(guard, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient, Guard: guard})
			// It is waited for by means of a fast one that is registered later.
			n := moveIn(s)
			n.webhook("Validating", after, "/slow/8s", "", "timeoutSeconds: 20", "failurePolicy: Fail")
			n.webhook("Mutating", after, "/annotate", "webhook.holdfast.test/seen")
			said := s.Apply("v2")
			if !strings.Contains(said, "update held") || !strings.Contains(said, "could not be asked beforehand") {
				t.Errorf("kubectl says:\n%s", said)
			}
			s.AwaitPhase(s.NewestRun(said).Name, v1alpha1.PhaseRunning)
		})
	}
}

// TestDryRunsTellTheTruthAndChangeNothing.
func TestDryRunsTellTheTruthAndChangeNothing(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	before := s.Object()
	for _, args := range [][]string{
		{"apply", "--dry-run=server", "-f", "-", s.Web("v2")},
		{"apply", "--dry-run=server", "--server-side", "--force-conflicts", "-f", "-", s.Web("v2")},
		{"set", "image", "deployment/web", "app=holdfast.test/app:v2", "--dry-run=server"},
		{"diff", "-f", "-", s.Web("v2")},
	} {
		stdout, stderr, code := s.Kubectl(args...)
		if !strings.Contains(stderr, "update held") {
			t.Errorf("kubectl %v says:\n%s", args[:3], stderr)
		}
		if args[0] == "diff" && (code != 1 || !strings.Contains(stdout, "+    "+v1alpha1.HeldAnnotation)) {
			t.Errorf("kubectl diff: exit code %d\n%s", code, stdout)
		}
	}
	s.WantNothingDone(before)
}

// TestAReleaseRefusedByALaterPolicyRejectsTheUpdate with the policy's words. The
// run starts only when there is a plan, and the policy is in force then.
func TestAReleaseRefusedByALaterPolicyRejectsTheUpdate(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	s.Must("annotate", "deployment", "web", v1alpha1.PlanAnnotation+"=default")
	s.Apply("v2")
	s.WantEvents("PlanNotFound")
	moveIn(s).policy("Deny")
	s.Must("apply", "-f", "-", shop.PlanOf(`sum(up{ {{canary}} }) * 0`))
	run := s.WantReverted(s.OnlyRun().Name, v1alpha1.ReasonReleaseRefused)
	if !strings.Contains(run.Status.Message, "tag v2 is not approved") {
		t.Errorf("the run says: %s", run.Status.Message)
	}
	s.WantEvents(v1alpha1.ReasonReleaseRefused)
}

// TestClashesOfLabelsAreRefusedWithFieldAndRemedy at an update. What can run
// without Holdfast may be created, with a warning where Holdfast is asked.
func TestClashesOfLabelsAreRefusedWithFieldAndRemedy(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.Patient})
	clash := strings.Replace(s.Web("v2"), "labels: {app: web}\n      annotations", "labels: {app: web, holdfast.dev/role: x}\n      annotations", 1)
	for _, part := range []string{"spec.template.metadata.labels[holdfast.dev/role]", "take it off", v1alpha1.CanaryAnnotation + "=disabled"} {
		if said := s.Refused("apply", "-f", "-", clash); !strings.Contains(said, part) {
			t.Errorf("the refusal does not name %s:\n%s", part, said)
		}
	}
	s.Must("delete", "deployment", "web")
	selector := strings.NewReplacer(
		"selector: {matchLabels: {app: web}}", "selector: {matchLabels: {app: web}, matchExpressions: [{key: canary, operator: DoesNotExist}]}",
		"metadata: {name: web}\nspec:\n  replicas", "metadata: {name: web, annotations: {holdfast.dev/plan: default}}\nspec:\n  replicas",
	).Replace(s.Web("v1"))
	if said := s.Must("apply", "-f", "-", selector); !strings.Contains(said, "spec.selector") {
		t.Errorf("at the creation kubectl says:\n%s", said)
	}
	shop.Await(s, "web is available", "web", &appsv1.Deployment{}, shop.RolledOut)
	next := strings.Replace(selector, "app:v1", "app:v2", 1)
	if said := s.Refused("apply", "-f", "-", next); !strings.Contains(said, "spec.selector") {
		t.Errorf("at the update kubectl says:\n%s", said)
	}
	s.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
	s.Must("apply", "-f", "-", next)
	s.WantImage("v2")
}
