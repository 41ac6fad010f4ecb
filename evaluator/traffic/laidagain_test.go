package traffic

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestAShareIsLaidAgainWhereItsUserHasWrittenTheRouteAsItWas while no webhook was there to answer: the record
// stands, and the share does not.
func TestAShareIsLaidAgainWhereItsUserHasWrittenTheRouteAsItWas(t *testing.T) {
	two := strings.Replace(webRoute, "weight: 1}]}]", "weight: 1}]}, {backendRefs: [{name: web, port: 81, weight: 1}]}]", 1)
	for sentence, back := range map[string]int{"all rules": 2, "one of two": 1} {
		t.Run(sentence, func(t *testing.T) {
			r, c := cluster(t, two)
			own, _, _ := unstructured.NestedSlice(routeOf(t, c, "web").Object, "spec", "rules")
			must(t, r.Share(t.Context(), run, 20))
			laid := routeOf(t, c, "web")
			rules, _, _ := unstructured.NestedSlice(laid.Object, "spec", "rules")
			written := laid.DeepCopy()
			must(t, unstructured.SetNestedSlice(written.Object, append(own[:back:back], rules[back:]...), "spec", "rules"))
			must(t, c.Patch(t.Context(), written, client.MergeFrom(laid)))
			if got := look(t, r); got.Percent != -1 || len(got.Laid) != 1 || len(got.Whole) != 0 {
				t.Errorf("it is seen as %+v", got)
			}
			must(t, r.Share(t.Context(), run, 20))
			if diff := cmp.Diff(laid, routeOf(t, c, "web")); diff != "" {
				t.Errorf("laid again (-before +after):\n%s", diff)
			}
		})
	}
}
