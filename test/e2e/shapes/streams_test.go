package shapes

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestStreamsThroughAPodThatIsMeasured: a chunked body of 100 MiB both ways at once, a WebSocket and a stream
// of gRPC over HTTP/2 go through the probe of a canary whole, whichever way they come to it, and are counted
// as what they are.
func TestStreamsThroughAPodThatIsMeasured(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		open   func(*testing.T) *shop.Shop
		at     int
		labels string
	}{
		"by name": {func(t *testing.T) *shop.Shop {
			return shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1, Plan: strings.Replace(measuredPlan, "period: 8s", "period: 10m", 1)})
		}, 15100, `port="http"`},
		"by redirect": {openRedirected, 8080, `port="http"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tc.open(t)
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
			canary, asks := s.PodsOfRole(run, v1alpha1.RoleCanary)[0], s.PodsOfRole(run, v1alpha1.RoleBaseline)[0].Name
			said := map[string]string{}
			text := s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/streams/%s:%d", s.Namespace, asks, canary.Status.PodIP, tc.at))
			if err := json.Unmarshal([]byte(text), &said); err != nil || len(said) != 3 {
				t.Fatalf("%s says %q: %v", asks, text, err)
			}
			for what, wrong := range said {
				if wrong != "" {
					t.Errorf("%s: %s", what, wrong)
				}
			}
			for _, want := range []string{`{code="101",grpc_status="",` + tc.labels + `} 1`, `{code="200",grpc_status="OK",` + tc.labels + `} 1`} {
				shop.Until(s, "the probe has counted "+want, func() bool { return strings.Contains(s.Probe(canary.Name), "holdfast_probe_requests_total"+want+"\n") })
			}
		})
	}
}

// TestAProbeThatHangsAndCrashesIsNoVerdict: while the probe of a canary says nothing its measurements are
// errors; when it is killed another one goes on in its place, the application is not restarted, and the
// update is released.
func TestAProbeThatHangsAndCrashesIsNoVerdict(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  probe: {}
  analysis: {source: Probe, period: 30s, interval: 2s, initialDelay: 0s, errorLimit: 60, noDataLimit: 60, failureLimit: 5, metrics: [{name: success, expect: success >= 50%, window: 6s}]}
`})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	pod := s.PodsOfRole(run, v1alpha1.RoleCanary)[0].Name
	signal := func(sig syscall.Signal) {
		if err := shop.World.Cluster.SignalContainer(t.Context(), s.Namespace, pod, "holdfast-probe", sig); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	shop.Await(s, "the measurement is an error of the probe", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
		for _, m := range r.Status.Metrics {
			for _, newest := range m.Last {
				if m.Name == "success" && newest.Outcome == v1alpha1.OutcomeError && newest.Reason == v1alpha1.MeasuredProbeFailed {
					return true
				}
			}
		}
		return false
	})
	signal(syscall.SIGKILL)
	shop.Await(s, "another probe runs", pod, &corev1.Pod{}, func(p *corev1.Pod) bool {
		probe := p.Status.InitContainerStatuses[0]
		return probe.RestartCount > 0 && probe.Ready
	})
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	for _, p := range s.PodsOfRole(run, v1alpha1.RoleCanary) {
		if p.Name != pod || p.Status.ContainerStatuses[0].RestartCount > 0 {
			t.Errorf("pod %s with %+v is in the place of %s", p.Name, p.Status.ContainerStatuses, pod)
		}
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
}

// TestNoRequestIsLostByTheProbe, nor when pods that have it come and go: of a load through the Service none
// fails, while a canary and a baseline are there, and while the Deployment rolls out.
func TestNoRequestIsLostByTheProbe(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Plan: measuredPlan})
	s.Measure()
	s.Must("rollout", "restart", "deployment/web")
	shop.Until(s, "all stable pods are measured", func() bool {
		var pods corev1.PodList
		if err := shop.World.Client.List(t.Context(), &pods, shop.InNamespace(s), client.MatchingLabels{"app": "web"}); err != nil {
			t.Fatal(err)
		}
		measured := 0
		for _, p := range pods.Items {
			if len(p.Spec.InitContainers) == 1 && p.DeletionTimestamp == nil && len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].Ready {
				measured++
			}
		}
		return measured == 2 && len(pods.Items) == 2
	})
	s.Must("apply", "-f", "-", shop.LoadManifest)
	shop.Until(s, "the load is answered", func() bool { return s.Loaded()["200"] > 0 })
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.AwaitAvailable()
	if got := s.Loaded(); len(got) != 1 || got["200"] < 100 {
		t.Errorf("the requests had the results %v, want 200 alone", got)
	}
}
