package footprint

import (
	"fmt"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

// TestTheDeploymentControllerRests: it compares the status it computes with the
// one it reads, which is another while an update is held and after a revert. It
// must not go on writing for that. The test runs alone, for nobody else's writes
// to be counted.
func TestTheDeploymentControllerRests(t *testing.T) {
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	wantRest(s, "with nothing held") // or the measure is no good

	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	shop.Await(s, "the hold is seen", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == 0
	})
	wantRest(s, "while an update is held")

	s.Must("label", "deployment", "web", "app.kubernetes.io/name=web") // no new generation, but an event
	wantRest(s, "labelled")

	s.Apply("v3", "--crash-after=2s")
	s.AwaitProgressing("ProgressDeadlineExceeded")
	s.WantNoCanary()
	wantRest(s, "after a revert")
}

// TestAStableRolloutDuringAHold: one that cannot complete is neither taken for
// progress for ever nor hidden, and one that is mended makes tools wait again.
// It runs alone, as the one above.
func TestAStableRolloutDuringAHold(t *testing.T) {
	stage.Long(t)
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	s.Must("create", "configmap", "needed", "--from-literal=a=b")
	s.Must("patch", "deployment", "web", "--patch", `{"spec":{"template":{"spec":{"containers":[{"name":"app","envFrom":[{"configMapRef":{"name":"needed"}}]}]}}},"metadata":{"annotations":{"holdfast.dev/canary":"disabled"}}}`)
	s.Must("rollout", "status", "deployment/web")
	s.Must("annotate", "deployment", "web", "holdfast.dev/canary-")
	run := s.NewestRun(s.Must("set", "image", "deployment/web", "app=holdfast.test/app:v2"))
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)

	s.Must("delete", "configmap", "needed")
	s.Must("rollout", "restart", "deployment/web")
	shop.Await(s, "the stable rollout is stuck", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.ObservedGeneration == d.Generation && d.Status.Replicas == 3 && d.Status.AvailableReplicas == 2
	})
	wantRest(s, "with a stable rollout that cannot complete")
	s.Must("patch", "deployment", "web", "--patch", `{"spec":{"progressDeadlineSeconds":5}}`)
	stuck := s.AwaitProgressing("ProgressDeadlineExceeded")
	if message := shop.ProgressMessage(stuck); !strings.Contains(message, "timed out progressing") {
		t.Errorf("the stable rollout that is stuck has the message %q", message)
	}
	wantRest(s, "with a stable rollout past its deadline")
	if stuck.Annotations[v1alpha1.HeldAnnotation] == "" {
		t.Error("the update is not held any more")
	}

	s.Must("create", "configmap", "needed", "--from-literal=a=b")
	shop.Await(s, "the stable rollout is complete, and hidden", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		return d.Status.AvailableReplicas == 2 && d.Status.Replicas == 2 && d.Status.UpdatedReplicas == 0 &&
			strings.Contains(shop.ProgressMessage(d), "successfully progressed")
	})
	wantRest(s, "with the stable rollout complete")
}

// wantRest waits until nothing is written any more: no version of web in etcd, and
// no status of a Deployment for which the API server was asked. One that goes on
// for ever never has such a time; stragglers (a pod that ends, a timer that the
// controller had set) come to an end. The time is that of some renewals of the
// lease of Holdfast's leader, longer than the progress deadline of the scenario.
func wantRest(s *shop.Shop, when string) {
	s.T.Helper()
	var seen []string
	for range 4 {
		version, writes := s.Deployment("web").ResourceVersion, statusWrites(s)
		awaitRenewals(s, 8)
		now, more := s.Deployment("web"), statusWrites(s)-writes
		if now.ResourceVersion == version && more == 0 {
			return
		}
		seen = append(seen, fmt.Sprintf("%v writes, version %s to %s", more, version, now.ResourceVersion))
	}
	s.T.Errorf("%s, the status is written on and on: %s; it is now %+v", when, strings.Join(seen, "; "), s.Deployment("web").Status)
}

func awaitRenewals(s *shop.Shop, n int) {
	s.T.Helper()
	holdfast := &shop.Shop{T: s.T, Namespace: shop.HoldfastNamespace}
	seen := map[string]bool{}
	shop.Await(holdfast, "the lease is renewed", "holdfast", &coordinationv1.Lease{}, func(l *coordinationv1.Lease) bool {
		seen[l.Spec.RenewTime.String()] = true
		return len(seen) > n
	})
}

// statusWrites is how many writes of deployments/status the API server has answered.
func statusWrites(s *shop.Shop) float64 {
	s.T.Helper()
	total := 0.0
	for _, m := range apiServerMetrics(s.T)["apiserver_request_total"].GetMetric() {
		labels := map[string]string{}
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if labels["resource"] == "deployments" && labels["subresource"] == "status" && labels["verb"] != "GET" {
			total += m.GetCounter().GetValue()
		}
	}
	if total == 0 {
		s.T.Error("the API server counts no writes of deployments/status; is the measure good?")
	}
	return total
}

func apiServerMetrics(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := clientset.RESTClient().Get().AbsPath("/metrics").Stream(t.Context())
	if err != nil {
		t.Fatalf("read metrics of the API server: %v", err)
	}
	defer body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestAnnotationsOfHoldfastAreNotChangedByWayOfTheStatus on a real API server,
// whose match conditions have to let such a write through to the webhook.
func TestAnnotationsOfHoldfastAreNotChangedByWayOfTheStatus(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.LongPlan, NoLoad: true})
	run := s.HoldV2()
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	before := s.Deployment("web").Annotations
	for _, patch := range []string{
		`{"metadata":{"annotations":{"holdfast.dev/held":null}}}`,
		`{"metadata":{"annotations":{"holdfast.dev/failed":"x","holdfast.dev/period":"soon"}}}`,
		`{"metadata":{"annotations":{"holdfast.dev/stable":"x"}}}`,
	} {
		err := shop.World.Client.Status().Patch(t.Context(), s.Deployment("web"), client.RawPatch("application/merge-patch+json", []byte(patch)))
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range s.Deployment("web").Annotations {
			if strings.Contains(key, v1alpha1.Prefix) && before[key] != value {
				t.Errorf("%s changed %s to %q", patch, key, value)
			}
		}
	}
	if s.Deployment("web").Annotations[v1alpha1.HeldAnnotation] != before[v1alpha1.HeldAnnotation] {
		t.Error("the record is gone")
	}
}
