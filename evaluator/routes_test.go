package evaluator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
)

// routed is a cluster whose Deployment is behind a route, with what gateways and the controllers of Services
// do.
type routed struct {
	*evaluatortest.Cluster
	before *unstructured.Unstructured
}

const webRoute = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, uid: route-uid, generation: 1, annotations: {note: mine}}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: web, port: 80, weight: 3}, {name: old, port: 80, weight: 1}]}]}
status:
  parents:
  - parentRef: {name: gw}
    controllerName: example.com/gw
    conditions: [{type: Accepted, status: "True", observedGeneration: 1}, {type: ResolvedRefs, status: "True", observedGeneration: 1}]
`

func newRoute(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	out := &unstructured.Unstructured{}
	if err == nil {
		err = utiljson.Unmarshal(data, &out.Object)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newRouted(t *testing.T) *routed {
	t.Helper()
	c := &routed{Cluster: evaluatortest.NewCluster(t, newRoute(t, webRoute))}
	c.EditPlan(func(spec *v1alpha1.CanaryPlanSpec) {
		spec.Traffic = &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted, Drain: &metav1.Duration{Duration: 2 * time.Second}}
		least, more := int32(20), int32(50)
		spec.Steps = []v1alpha1.Step{{Weight: &least}, {Weight: &more}}
		spec.Analysis.Period.Duration = 4 * time.Second
	})
	c.before = c.route()
	c.BeforeWrite = c.wantAnswered
	return c
}

// route is the one that there is, without its version.
func (c *routed) route() *unstructured.Unstructured {
	c.T.Helper()
	out := newRoute(c.T, webRoute)
	c.Must(c.API.Get(c.T.Context(), client.ObjectKeyFromObject(out), out))
	out.SetResourceVersion("")
	return out
}

// pass is one of Pass, after which the Services of canaries have the pods that are Ready.
func (c *routed) pass() {
	c.T.Helper()
	c.Pass()
	ctx := c.T.Context()
	var services corev1.ServiceList
	c.Must(c.API.List(ctx, &services, client.HasLabels{v1alpha1.RunLabel}))
	for _, service := range services.Items {
		var pods corev1.PodList
		c.Must(c.API.List(ctx, &pods, client.MatchingLabelsSelector{Selector: labels.SelectorFromSet(service.Spec.Selector)}))
		slice := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{
			Namespace: service.Namespace, Name: service.Name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name},
		}}
		ready := true
		for _, pod := range pods.Items {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				TargetRef: &corev1.ObjectReference{Name: pod.Name}, Conditions: discoveryv1.EndpointConditions{Ready: &ready},
			})
		}
		c.Must(client.IgnoreNotFound(c.API.Delete(ctx, slice.DeepCopy())))
		c.Must(c.API.Create(ctx, slice))
	}
}

// wantAnswered: whenever anything is written, the canary that a route sends requests to has a Service and a
// pod.
func (c *routed) wantAnswered() {
	c.T.Helper()
	rules, _, _ := unstructured.NestedSlice(c.route().Object, "spec", "rules")
	for _, rule := range rules {
		backends, _ := rule.(map[string]any)["backendRefs"].([]any)
		for _, b := range backends {
			name, _ := b.(map[string]any)["name"].(string)
			if !strings.HasPrefix(name, "web-canary-") {
				continue
			}
			var service corev1.Service
			if err := c.API.Get(c.T.Context(), client.ObjectKey{Namespace: evaluatortest.Namespace, Name: name}, &service); err != nil {
				c.T.Errorf("the route sends requests to %s before write %d: %v", name, c.Writes, err)
				continue
			}
			var pods corev1.PodList
			c.Must(c.API.List(c.T.Context(), &pods, client.MatchingLabels(service.Spec.Selector)))
			if len(pods.Items) == 0 {
				c.T.Errorf("the route sends requests to %s before write %d, and no pod is behind it", name, c.Writes)
			}
		}
	}
}

// course is a run to its end, in which the evaluator is killed at a write, and another goes on.
func (c *routed) course(at map[int]func(), failAt int, lost bool) (shares string) {
	c.T.Helper()
	c.FailAt, c.Lost = failAt, lost
	c.Hold()
	killed, over := failAt == 0, 0
	for pass := 0; pass < 36 && over < 3; pass++ {
		if do := at[pass]; do != nil {
			do()
		}
		c.pass()
		if !killed && c.Writes >= failAt {
			killed = true
			c.Another(nil)
		}
		for _, run := range c.Runs() {
			weight := run.Status.Weight
			if run.Status.Phase.Ended() && weight == nil && killed {
				over++
			}
			if weight == nil {
				continue
			}
			if share := fmt.Sprintf("%d ", weight.Percent); !strings.HasSuffix(shares, share) {
				shares += share
			}
		}
	}
	return shares
}

// TestKilledAtAnyWriteNoWeightIsLeftBehind: whoever evaluates is killed at any write of a run that has a
// share of the requests, made or not. Another goes on; at no moment does the route send requests to what is
// not there, and in the end it is what its user asked for, and nothing of the canary is left.
func TestKilledAtAnyWriteNoWeightIsLeftBehind(t *testing.T) {
	for name, end := range map[string]struct {
		prepare func(*routed)
		at      func(*routed) map[int]func()
	}{
		"released": {},
		"reverted": {prepare: func(c *routed) { c.Prometheus.Answer.Series[0].Value = 1 }},
		"aborted": {at: func(c *routed) map[int]func() {
			return map[int]func(){9: func() {
				c.Edit(c.Run().Name, func(spec *v1alpha1.CanaryRunSpec) { spec.Decision = v1alpha1.DecisionAbort })
			}}
		}},
		"promoted": {at: func(c *routed) map[int]func() {
			return map[int]func(){9: func() {
				c.Edit(c.Run().Name, func(spec *v1alpha1.CanaryRunSpec) { spec.Decision = v1alpha1.DecisionPromote })
			}}
		}},
		"withdrawn": {at: func(c *routed) map[int]func() {
			return map[int]func(){9: func() {
				d := c.Deployment()
				delete(d.Annotations, v1alpha1.HeldAnnotation)
				c.Must(c.API.Update(c.T.Context(), d))
			}}
		}},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, answer lost %t", name, lost), func(t *testing.T) {
				t.Parallel()
				play := func(failAt int) *routed {
					c := newRouted(t)
					if end.prepare != nil {
						end.prepare(c)
					}
					var at map[int]func()
					if end.at != nil {
						at = end.at(c)
					}
					shares := c.course(at, failAt, lost)
					if failAt == 0 && !strings.Contains(shares, "20 ") {
						t.Fatalf("undisturbed its shares are %s: %+v", shares, c.Run().Status)
					}
					return c
				}
				undisturbed := play(0)
				want := summary(undisturbed.Cluster)
				for failAt := range evaluatortest.Cuts(undisturbed.Writes) {
					c := play(failAt)
					if diff := cmp.Diff(want, summary(c.Cluster)); diff != "" {
						t.Errorf("write %d of %d (-want +got):\n%s", failAt, undisturbed.Writes, diff)
					}
					c.wantNothingLeft(failAt)
				}
				undisturbed.wantNothingLeft(0)
			})
		}
	}
}

// wantNothingLeft: the route is its user's, and no Service of a canary is there.
func (c *routed) wantNothingLeft(failAt int) {
	c.T.Helper()
	if diff := cmp.Diff(c.before, c.route()); diff != "" {
		c.T.Errorf("killed at write %d, the route (-before +after):\n%s", failAt, diff)
	}
	var services corev1.ServiceList
	c.Must(c.API.List(c.T.Context(), &services, client.HasLabels{v1alpha1.RunLabel}))
	if len(services.Items) > 0 {
		c.T.Errorf("killed at write %d, Service %s is left", failAt, services.Items[0].Name)
	}
}
