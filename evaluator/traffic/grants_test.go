package traffic

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func grantTo(to string) string {
	return `
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: gateways, namespace: shop}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: infra}], to: [` + to + `]}
`
}

// TestRoutesOfOtherNamespacesAreToldOf where a ReferenceGrant lets them lead to a Service of the Deployment:
// whether there is a route in the namespace or none, for no share is laid over them.
func TestRoutesOfOtherNamespacesAreToldOf(t *testing.T) {
	const accepted = `
status: {parents: [{parentRef: {name: gw}, conditions: [{type: Accepted, status: "True", observedGeneration: 1}]}]}`
	const says = "ReferenceGrant gateways lets HTTPRoutes of namespace infra send requests to Service web, and traffic.source Weighted lays no share over routes of other namespaces; " +
		"have such a route in namespace shop (its parentRefs may name a Gateway of another), or source: Service"
	foreign := strings.NewReplacer("namespace: shop", "namespace: infra", "name: web, port", "name: web, namespace: shop, port").Replace(webRoute + accepted)
	for sentence, tc := range map[string]struct {
		objects []string
		want    string // the end
	}{
		"without a route":                       {[]string{grantTo("{group: '', kind: Service}"), foreign}, "make one, or have source: Service; " + says},
		"beside a route":                        {[]string{webRoute + accepted, grantTo("{group: '', kind: Service, name: web}"), foreign}, says},
		"a route says more":                     {[]string{webRoute, grantTo("{group: '', kind: Service}"), foreign}, "no gateway has answered for HTTPRoute/web"},
		"to another Service":                    {[]string{webRoute + accepted, grantTo("{group: '', kind: Service, name: other}"), foreign}, ""},
		"to what is no Service":                 {[]string{webRoute + accepted, grantTo("{group: '', kind: Secret}"), foreign}, ""},
		"no grant, so no gateway takes them":    {[]string{webRoute + accepted, foreign}, ""},
		"of what is no route of a known kind":   {[]string{webRoute + accepted, strings.Replace(grantTo("{group: '', kind: Service}"), "kind: HTTPRoute", "kind: TCPRoute", 1)}, ""},
		"a grant of another namespace than its": {[]string{webRoute + accepted, strings.Replace(grantTo("{group: '', kind: Service}"), "namespace: shop", "namespace: infra", 1)}, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			r, _ := cluster(t, tc.objects...)
			got, err := r.Doubt(t.Context(), "shop", "web", &v1alpha1.CanaryPlanSpec{Traffic: &v1alpha1.Traffic{Source: v1alpha1.TrafficWeighted}}, run.Pods)
			if err != nil || !strings.HasSuffix(got, tc.want) || (got == "") != (tc.want == "") {
				t.Errorf("it says %q, error %v", got, err)
			}
		})
	}
	t.Run("the run says so too, and leaves them", func(t *testing.T) {
		r, _ := cluster(t, grantTo("{group: '', kind: Service}"), foreign)
		must(t, r.Share(t.Context(), run, 50))
		if got := look(t, r); !strings.HasSuffix(got.NoRoute, says) || len(got.Laid) > 0 {
			t.Errorf("it is %+v", got)
		}
	})
}
