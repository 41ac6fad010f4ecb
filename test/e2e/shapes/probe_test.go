package shapes

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

const measuredPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  probe: {}
  baseline: {}
  analysis: {period: 8s, interval: 1s, initialDelay: 0s}
`

// answered is how the probe begins to count answers of 200; it counts from 0 on.
const answered = `holdfast_probe_requests_total{code="200",grpc_status="",port="http"} `

// TestPodsOfARunAreMeasured: a Service by name sends requests through the probe, the kubelet asks the
// application, and the update is released as it was asked for.
func TestPodsOfARunAreMeasured(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: measuredPlan})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	for _, role := range []string{v1alpha1.RoleCanary, v1alpha1.RoleBaseline} {
		pods := s.PodsOfRole(run, role)
		if len(pods) == 0 {
			t.Fatalf("there is no pod of the %s", role)
		}
		shop.Until(s, "the probe of the "+role+" has measured requests", func() bool {
			said := s.Probe(pods[0].Name)
			return strings.Contains(said, answered) && !strings.Contains(said, answered+"0\n")
		})
		if get := pods[0].Spec.Containers[0].ReadinessProbe.HTTPGet; get.Port.IntValue() != 8080 {
			t.Errorf("the kubelet asks the %s at port %s", role, get.Port.String())
		}
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	if inits := s.Deployment("web").Spec.Template.Spec.InitContainers; len(inits) > 0 {
		t.Errorf("what was released has %v", inits)
	}
}

// TestWhatIsNotMeasuredIsToldAtApply, with the field and the remedy; the update is tried all the same.
func TestWhatIsNotMeasuredIsToldAtApply(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: strings.Replace(measuredPlan, "period: 8s", "period: 10m", 1), Replicas: 1})
	for name, tc := range map[string]struct{ old, new, told string }{
		"a container of that name": {"- name: app", "- {name: holdfast-probe, image: 'holdfast.test/app:v1', args: ['--listen=:8090']}\n      - name: app", "spec.template.spec.containers[0].name is holdfast-probe"},
		"a port of the probe":      {"{name: http, containerPort: 8080}", "{name: http, containerPort: 8080}, {name: more, containerPort: 15190}", "spec.template.spec.containers[0].ports[1].containerPort is 15190"},
		"the network of the node":  {"containers:", "hostNetwork: true\n      containers:", "spec.template.spec.hostNetwork is true"},
		"a Service by number":      {"targetPort: http", "targetPort: 8080", "set targetPort of the Service to http"},
	} {
		manifest := strings.Replace(s.Web("v2"), tc.old, tc.new, 1)
		if manifest == s.Web("v2") {
			t.Fatalf("%s: %q is not in the manifest", name, tc.old)
		}
		if name == "a Service by number" { // it stands behind the Deployment in the manifest
			_, service, _ := strings.Cut(manifest, "---")
			s.Must("apply", "-f", "-", service)
		}
		if _, said, _ := s.Kubectl("apply", "--dry-run=server", "-f", "-", manifest); !strings.Contains(said, tc.told) || !strings.Contains(said, "update held") {
			t.Errorf("%s: kubectl says:\n%s", name, said)
		}
	}
}

// TestAllPodsOfANamespaceAreMeasured that asks for it, but for those that ask for none.
func TestAllPodsOfANamespaceAreMeasured(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: measuredPlan, Replicas: 1})
	if s.IsMeasured() {
		t.Fatal("pods are measured before anybody asks for it")
	}
	s.Measure()
	s.Must("rollout", "restart", "deployment/web")
	shop.Until(s, "the stable pod has the probe and is Ready", func() bool {
		var pods corev1.PodList
		if err := shop.World.Client.List(t.Context(), &pods, shop.InNamespace(s), client.MatchingLabels{"app": "web"}); err != nil {
			t.Fatal(err)
		}
		if len(pods.Items) != 1 || len(pods.Items[0].Spec.InitContainers) != 1 {
			return false
		}
		statuses := pods.Items[0].Status.ContainerStatuses
		return len(statuses) == 1 && statuses[0].Ready
	})
	s.Must("annotate", "namespace", s.Namespace, v1alpha1.ProbeAnnotation+"-")
	shop.Until(s, "pods are measured no more", func() bool { return !s.IsMeasured() })
}
