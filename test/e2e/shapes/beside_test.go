package shapes

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// What stands beside the template: annotations that tell of it, the Services that send its pods requests,
// and the ConfigMaps and Secrets that it names.

// caused is a Deployment called shaped with a change-cause.
func caused(version, cause string) string {
	return strings.Replace(shop.Shaped(version, 1), "metadata: {name: shaped}",
		fmt.Sprintf("metadata: {name: shaped, annotations: {%s: %q, ci/build: %q}}", hold.ChangeCause, cause, version), 1)
}

// history is what kubectl rollout history says of each revision.
func history(s *shop.Shop) string {
	s.T.Helper()
	var out []string
	for _, line := range regexp.MustCompile(`(?m)^(\d+)\s+(.*\S)`).FindAllStringSubmatch(s.Must("rollout", "history", "deployment/shaped"), -1) {
		out = append(out, line[1]+" "+line[2])
	}
	return strings.Join(out, ", ")
}

func wantHistory(s *shop.Shop, when, want string) {
	s.T.Helper()
	if got := history(s); got != want {
		s.T.Errorf("%s the history is %q, want %q", when, got, want)
	}
}

// TestRolloutHistoryNamesWhatEachRevisionWas: kubernetes/kubernetes#25924 and #23087.
func TestRolloutHistoryNamesWhatEachRevisionWas(t *testing.T) {
	t.Parallel()
	for name, apply := range map[string][]string{
		"client-side": {"apply", "-f", "-"},
		"server-side": {"apply", "--server-side", "-f", "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "spec:", "spec:\n  heldAnnotations: [ci/build]", 1), Replicas: 1})
			s.Must(append(apply, caused("v1", "portal 1.0"))...)
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			run := s.NewestRun(s.Must(append(apply, caused("v2", "portal 2.0"))...))
			s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
			before := shop.Written(s.Deployment("shaped"))
			if s.Must(append(apply, caused("v2", "portal 2.0"))...); shop.Written(s.Deployment("shaped")) != before {
				t.Errorf("sent again it changed the object from\n%s\nto\n%s", before, shop.Written(s.Deployment("shaped")))
			}
			wantHistory(s, "during the hold", "1 portal 1.0")
			s.Decide(run.Name, `"decision":"Abort"`)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
			wantHistory(s, "after the revert", "1 portal 1.0")
			if build := s.Deployment("shaped").Annotations["ci/build"]; build != "v1" {
				t.Errorf("after the revert the Deployment is of build %s", build)
			}
			run = s.NewestRun(s.Must(append(apply, caused("v3", "portal 3.0"))...))
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			wantHistory(s, "after the release", "1 portal 1.0, 2 portal 3.0")
			if build := s.Deployment("shaped").Annotations["ci/build"]; build != "v3" {
				t.Errorf("after the release the Deployment is of build %s", build)
			}
		})
	}

	// kubernetes/website#52124: the documented way is to annotate after the change.
	t.Run("annotated after set image", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		s.Must("apply", "-f", "-", shop.Shaped("v1", 1))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		s.Must("annotate", "deployment/shaped", hold.ChangeCause+"=version 1")
		shop.Until(s, "the deployment controller has told the revision", func() bool { return history(s) == "1 version 1" })
		run := s.NewestRun(s.Must("set", "image", "deployment/shaped", "app=holdfast.test/app:v2"))
		s.Decide(run.Name, `"paused":true`) // it does not end meanwhile
		if said := s.Must("annotate", "deployment/shaped", "--overwrite", hold.ChangeCause+"=version 2"); !strings.Contains(said, "belongs to the held update") {
			t.Errorf("kubectl annotate says:\n%s", said)
		}
		wantHistory(s, "during the hold", "1 version 1")
		s.Decide(run.Name, `"paused":false`)
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		wantHistory(s, "after the release", "1 version 1, 2 version 2")
	})

	// kubernetes/kubectl#1137: an update that says nothing takes over the cause that stands there. So it is
	// without Holdfast.
	t.Run("an update without one", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
		s.Must("apply", "-f", "-", caused("v1", "portal 1.0"))
		shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
		run := s.NewestRun(s.Must("set", "image", "deployment/shaped", "app=holdfast.test/app:v2"))
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		wantHistory(s, "after the release", "1 portal 1.0, 2 portal 1.0")
	})
}

const serviceOfShaped = `apiVersion: v1
kind: Service
metadata: {name: shaped}
spec:
  selector: {%s}
  ports: [{name: http, port: 80, targetPort: %s}]
---
`

// labeled is shaped with more labels on its pods, and its port by a name. It takes seconds to be available,
// so that a Service that is made before it is seen to be changed after it.
func labeled(version, labels, port string) string {
	manifest := strings.Replace(shop.Shaped(version, 2), "metadata: {labels: {app: shaped}}", "metadata: {labels: {app: shaped, "+labels+"}}", 1)
	manifest = strings.Replace(manifest, "spec:\n", "spec:\n  minReadySeconds: 2\n", 1)
	return strings.NewReplacer("name: http,", "name: "+port+",", "port: http}", "port: "+port+"}").Replace(manifest)
}

// TestNoVerdictWhileAServiceHasLeftTheStablePods: cloudfoundry-incubator/kubecf#1325 (the selector has the
// version), envoyproxy/gateway#7309 (it has whatever label is added to the pods) and
// kubernetes/kubernetes#83145 (a port by a name that pods do not have).
func TestNoVerdictWhileAServiceHasLeftTheStablePods(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ before, after, back string }{
		"the selector has the version": {
			fmt.Sprintf(serviceOfShaped, "app: shaped, version: v1", "http") + labeled("v1", "version: v1", "http"),
			fmt.Sprintf(serviceOfShaped, "app: shaped, version: v2", "http") + labeled("v2", "version: v2", "http"),
			fmt.Sprintf(serviceOfShaped, "app: shaped", "http"),
		},
		"a label is added to pods and selector": {
			fmt.Sprintf(serviceOfShaped, "app: shaped", "http") + labeled("v1", "a: b", "http"),
			fmt.Sprintf(serviceOfShaped, "app: shaped, team: x", "http") + labeled("v2", "team: x", "http"),
			fmt.Sprintf(serviceOfShaped, "app: shaped", "http"),
		},
		"its port has another name": {
			fmt.Sprintf(serviceOfShaped, "app: shaped", "http") + labeled("v1", "a: b", "http"),
			fmt.Sprintf(serviceOfShaped, "app: shaped", "web") + labeled("v2", "a: b", "web"),
			fmt.Sprintf(serviceOfShaped, "app: shaped", "8080"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: shop.ShapePlan, Replicas: 1})
			s.Must("apply", "-f", "-", tc.before)
			shop.Await(s, "shaped is available", "shaped", &appsv1.Deployment{}, shop.RolledOut)
			said := s.Must("apply", "-f", "-", tc.after)
			if !strings.Contains(said, "Service shaped sends requests to pods of the held template and to none of the stable one") {
				t.Errorf("kubectl apply says:\n%s", said)
			}
			run := s.AwaitReason(s.NewestRun(said).Name, v1alpha1.ReasonServiceLeft)
			if run.Status.Phase != v1alpha1.PhasePaused || run.Status.Verdict != "" || !meta.IsStatusConditionFalse(run.Status.Conditions, v1alpha1.ConditionStableServed) {
				t.Errorf("the run is %s, verdict %q, conditions %v", run.Status.Phase, run.Status.Verdict, run.Status.Conditions)
			}
			shop.AwaitEvent(s, v1alpha1.ReasonServiceLeft)
			s.Must("apply", "-f", "-", strings.TrimSuffix(tc.back, "---\n"))
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		})
	}
}

// TestWhatTheStableTemplateNeedsIsMissed: fluxcd/flux2#3378 (a ConfigMap in the environment),
// pingcap/tidb-operator#603 (one in a volume) and wireapp/wire-server-deploy#143 (a Secret of each version).
func TestWhatTheStableTemplateNeedsIsMissed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ kind, data, container, pod string }{
		"a ConfigMap in the environment": {"ConfigMap", "data: {mode: a}", "envFrom: [{configMapRef: {name: needed-%s}}]", ""},
		"a ConfigMap in a volume":        {"ConfigMap", "data: {mode: a}", "volumeMounts: [{name: v, mountPath: /v}]", "volumes: [{name: v, configMap: {name: needed-%s}}]"},
		"a Secret in a projected volume": {"Secret", "stringData: {mode: a}", "volumeMounts: [{name: v, mountPath: /v}]", "volumes: [{name: v, projected: {sources: [{secret: {name: needed-%s}}]}}]"},
		"a Secret":                       {"Secret", "stringData: {mode: a}", "envFrom: [{secretRef: {name: needed-%s}}]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(shop.ShapePlan, "period: 6s", "period: 10m", 1), Replicas: 1})
			if tc.kind == "Secret" {
				s.Must("create", "role", "look-for-secrets", "--verb=get", "--resource=secrets")
				s.Must("create", "rolebinding", "look-for-secrets", "--role=look-for-secrets", "--serviceaccount=holdfast-system:holdfast")
			}
			manifest := func(version string) string {
				lines := strings.ReplaceAll(tc.pod, "%s", version)
				deployment := strings.Replace(shop.Shaped(version, 1, lines), "      - name: app\n",
					"      - name: app\n        "+strings.ReplaceAll(tc.container, "%s", version)+"\n", 1)
				return fmt.Sprintf("apiVersion: v1\nkind: %s\nmetadata: {name: needed-%s}\n%s\n---\n%s", tc.kind, version, tc.data, deployment)
			}
			run := s.HoldSecond(manifest)
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			s.Must("delete", tc.kind, "needed-v1")
			want := tc.kind + " needed-v1 is gone"
			shop.Await(s, "the run tells of it", run.Name, &v1alpha1.CanaryRun{}, func(run *v1alpha1.CanaryRun) bool {
				c := meta.FindStatusCondition(run.Status.Conditions, v1alpha1.ConditionStableComplete)
				return c != nil && c.Status == metav1.ConditionFalse && strings.Contains(c.Message, want)
			})
			shop.AwaitEvent(s, v1alpha1.ReasonReferenceGone)
			if said := s.Must("apply", "-f", "-", manifest("v2")); !strings.Contains(said, want) {
				t.Errorf("applied again, kubectl says:\n%s", said)
			}
		})
	}
}
