package traffic

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// traefik is installed once for all scenarios that need it.
var traefik = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	return shop.World.Cluster.Traefik(ctx, os.Stderr)
})

func needTraefik(t *testing.T) {
	t.Helper()
	if err := traefik(); err != nil {
		t.Fatal(err)
	}
}

// gateway sends n requests by way of Traefik and counts the versions that answer, "" for none.
func (s scene) gateway(n int) map[string]int {
	s.T.Helper()
	var pods corev1.PodList
	if err := shop.World.Client.List(s.T.Context(), &pods, client.InNamespace("traefik")); err != nil || len(pods.Items) == 0 {
		s.T.Fatalf("no pod of Traefik: %v", err)
	}
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	config.QPS, config.Burst = -1, -1
	config.GroupVersion, config.NegotiatedSerializer = &schema.GroupVersion{Version: "v1"}, nil
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		s.T.Fatal(err)
	}
	url := fmt.Sprintf("%s/api/v1/namespaces/traefik/pods/%s:8000/proxy/%s", config.Host, pods.Items[0].Name, s.Namespace)
	var mu sync.Mutex
	counts := map[string]int{}
	var all sync.WaitGroup
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range 4 {
		all.Go(func() {
			for range next {
				version := ask(s.T.Context(), httpClient, url)
				mu.Lock()
				counts[version]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

// TestARouteGivesTheCanaryItsShare: 5 % and 50 % of the requests, none fails, and re-applying the
// manifest leaves the route as it is; after the run it is what its user asked for.
// argoproj/argo-rollouts#2463: there, GitOps tools and the controller write the weights by turns.
func TestARouteGivesTheCanaryItsShare(t *testing.T) {
	t.Parallel()
	needTraefik(t)
	s := open(t, weightedPlan(`[{weight: 5, approval: true}, {weight: 50, approval: true}]`))
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	shop.Await(s.Shop, "the gateway follows the route", "web", newRoute(), func(*unstructured.Unstructured) bool { return s.gateway(1)["v1"] == 1 })
	before := asked(s.route())

	run := s.HoldV2("--version=v2")
	for step, percent := range []float64{5, 50} {
		s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
		const n = 600
		counts := s.gateway(n)
		if counts["v1"]+counts["v2"] != n {
			t.Errorf("requests failed: %v", counts)
		}
		// Traefik deals requests out in turn, so that chance has little to do with it.
		if got := 100 * float64(counts["v2"]) / n; math.Abs(got-percent) > 1 {
			t.Errorf("the canary has %.1f %% of the requests, want %v %%", got, percent)
		}
		s.wantReapplied(before)
		s.Must("patch", "canaryrun", run.Name, "--type=merge", "-p", fmt.Sprintf(`{"spec":{"approvedSteps":%d}}`, step+1))
		if step == 0 {
			shop.Await(s.Shop, "the second step begins", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Step.Number == 2 })
		}
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantImage("v2")
	if diff := asked(s.route()); diff != before {
		t.Errorf("the route is\n%s\nand was\n%s", diff, before)
	}
	s.WantNoCanary()
	shop.AwaitNone(s.Shop, "Services of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
	if counts := s.gateway(50); counts["v2"] != 50 {
		t.Errorf("after the release: %v", counts)
	}
}

// TestABadCanaryLosesItsShareFirst: a canary that fails loses its share before its pods go, and no
// request fails by that.
func TestABadCanaryLosesItsShareFirst(t *testing.T) {
	t.Parallel()
	needTraefik(t)
	s := open(t, weightedPlan(`[{weight: 20, period: 60s}]`))
	s.Must("apply", "-f", "-", s.routeManifest()) // client-side: its text stays on the route
	shop.Await(s.Shop, "the gateway follows the route", "web", newRoute(), func(*unstructured.Unstructured) bool { return s.gateway(1)["v1"] == 1 })
	before := asked(s.route())
	run := s.HoldV2("--version=v2")
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	if counts := s.gateway(100); counts["v2"] != 20 || counts["v1"] != 80 {
		t.Errorf("at 20 %%: %v", counts)
	}
	s.Must("apply", "-f", "-", s.routeManifest())
	s.Must("patch", "canaryrun", run.Name, "--type=merge", "-p", `{"spec":{"decision":"Abort"}}`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	if now := asked(s.route()); now != before {
		t.Errorf("the route is\n%s\nand was\n%s", now, before)
	}
	if counts := s.gateway(100); counts[""] > 0 {
		t.Errorf("requests failed at the revert: %v", counts)
	}
	s.WantNoCanary()
	if counts := s.gateway(100); counts["v1"] != 100 {
		t.Errorf("after the revert: %v", counts)
	}
}

// ask sends a request and returns the version that answers, "" where none does.
func ask(ctx context.Context, c *http.Client, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return ""
	}
	answer, err := c.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	for _, version := range []string{"v1", "v2"} {
		if strings.Contains(string(text), version) {
			return version
		}
	}
	return ""
}
