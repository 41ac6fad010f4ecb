package footprint

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestUpdatesThatCannotMatterNeverArrive: the API server keeps them to itself,
// as the counters of every replica show. It runs alone, for nobody else to be counted.
func TestUpdatesThatCannotMatterNeverArrive(t *testing.T) {
	s := shop.Open(t, shop.Settings{Plan: shop.Patient, NoLoad: true})
	before := admissions(t)
	s.Apply("v1") // nothing new at all
	s.Must("scale", "deployment", "web", "--replicas=3")
	s.Must("label", "deployment", "web", "team=shop")
	s.Must("annotate", "deployment", "web", "example.com/note=x")
	s.AwaitAvailable()
	s.Must("apply", "--dry-run=server", "-f", "-", s.Web("v2")) // arrives, and does not count
	if after := admissions(t); after != before {
		t.Errorf("%v requests reached the webhook", after-before)
	}
	s.HoldV2()
	if after := admissions(t); after != before+1 {
		t.Errorf("a new template made %v requests reach the webhook, want 1", after-before)
	}
}

// admissions is how many requests all replicas have answered, those of the
// evaluator aside, which may have a stamp to put on or take off at any time.
func admissions(t *testing.T) float64 {
	t.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(shop.HoldfastNamespace), client.MatchingLabels{"app.kubernetes.io/name": "holdfast"}); err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, pod := range pods.Items {
		for _, m := range metricsOf(t, pod.Name)["holdfast_admission_decisions_total"].GetMetric() {
			if !slices.ContainsFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetValue() == "Own" }) {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

// metricsOf reads the metrics of a pod through the API server.
func metricsOf(t *testing.T, pod string) map[string]*dto.MetricFamily {
	t.Helper()
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	body, err := clientset.CoreV1().Pods(shop.HoldfastNamespace).ProxyGet("http", pod, "8080", "metrics", nil).Stream(t.Context())
	if err != nil {
		t.Fatalf("read metrics of %s: %v", pod, err)
	}
	defer body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// TestMetricsURL: what make up prints answers.
func TestMetricsURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{shop.World.Cluster.MetricsURL(), shop.World.Cluster.PrometheusURL() + "/-/ready"} {
		if err := reachable(t, url); err != nil {
			t.Error(err)
		}
	}
}

func reachable(t *testing.T, url string) error {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
