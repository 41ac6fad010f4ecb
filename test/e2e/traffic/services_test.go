package traffic

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// behind are the names of the Ready pods behind a Service.
func (s scene) behind(service string) []string {
	s.T.Helper()
	var slicesOf discoveryv1.EndpointSliceList
	if err := shop.World.Client.List(s.T.Context(), &slicesOf, client.InNamespace(s.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service}); err != nil {
		s.T.Fatal(err)
	}
	var out []string
	for _, slice := range slicesOf.Items {
		for _, e := range slice.Endpoints {
			if e.TargetRef != nil && e.Conditions.Ready != nil && *e.Conditions.Ready {
				out = append(out, e.TargetRef.Name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestWhoseRequestsACanaryGets: behind which Services its pods are, by the source that the plan names, and
// that none of its own is left.
func TestWhoseRequestsACanaryGets(t *testing.T) {
	for source, tc := range map[string]struct{ production, own bool }{
		"CanaryService": {own: true},
		"Both":          {production: true, own: true},
		"None":          {},
	} {
		t.Run(source, func(t *testing.T) {
			t.Parallel()
			s := open(t, `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 60s
  traffic: {source: `+source+`}
  steps: [{replicas: 1, approval: true}]
  analysis: {interval: 1s, period: 2s}
`)
			run := s.HoldV2()
			s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
			var pods corev1.PodList
			if err := shop.World.Client.List(t.Context(), &pods, client.InNamespace(s.Namespace), client.HasLabels{v1alpha1.RunLabel}); err != nil || len(pods.Items) != 1 {
				t.Fatalf("pods of the canary: %d, error %v", len(pods.Items), err)
			}
			canary := pods.Items[0].Name
			var own []string
			if tc.own {
				own = []string{canary}
			}
			if got := s.behind("web-canary"); !slices.Equal(got, own) {
				t.Errorf("behind web-canary are %v, want %v", got, own)
			}
			if got := slices.Contains(s.behind("web"), canary); got != tc.production {
				t.Errorf("the canary is behind the Deployment's Service: %t, want %t", got, tc.production)
			}
			s.Decide(run.Name, `"approvedSteps":1`)
			s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
			s.WantImage("v2")
			s.WantNoCanary()
			shop.AwaitNone(s.Shop, "Services of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
		})
	}
}
