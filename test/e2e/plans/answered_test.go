package plans

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// askedPlan has a query that every Prometheus answers, and one that this Prometheus takes only with a feature
// flag.
const askedPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  analysis:
    interval: 1s # rounds are asked for whole intervals
    metrics:
    - {name: up, query: 'min(up{ {{canary}} })', range: {min: 1}}
    - {name: some, query: 'sum(SOME)', range: {min: 1}}
`

// TestAPlanSaysHowItsQueriesAreAnswered, in the words of a real Prometheus, before any update is tried by it.
func TestAPlanSaysHowItsQueriesAreAnswered(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true})
	// A plan is asked about at a whole second, which may be before the newest scrape.
	shop.Until(s, "the pods were scraped some seconds ago", func() bool {
		return s.Answer(`count(up{namespace="`+s.Namespace+`"} offset 3s)`) == "2"
	})
	if said := s.Must("apply", "-f", "-", strings.Replace(askedPlan, "SOME", "limitk(1, up{ {{canary}} })", 1)); !strings.Contains(said, "promql-experimental-functions") {
		t.Errorf("whoever applies it is told %q", said)
	}
	is := func(status metav1.ConditionStatus) func(*v1alpha1.CanaryPlan) bool {
		return func(p *v1alpha1.CanaryPlan) bool {
			return p.Status.ObservedGeneration == p.Generation && meta.IsStatusConditionPresentAndEqual(p.Status.Conditions, v1alpha1.ConditionQueriesAnswered, status)
		}
	}
	p := shop.Await(s, "a query is refused", "default", &v1alpha1.CanaryPlan{}, is(metav1.ConditionFalse))
	says := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionQueriesAnswered).Message
	if !strings.Contains(says, "some: ") || !strings.Contains(says, "limitk") || strings.Contains(says, "up: ") {
		t.Errorf("the plan says %q", says)
	}
	if q := p.Status.Queries[0]; q.Metric != "up" || q.Series != 1 || q.Type != "vector" || !strings.HasSuffix(q.Example, "1") {
		t.Errorf("the first query is answered by %+v", q)
	}
	mended := strings.Replace(askedPlan, "SOME", "up{ {{canary}} }", 1)
	s.Must("apply", "-f", "-", mended)
	s.Must("wait", "--for=condition=QueriesAnswered", "canaryplan/default", "--timeout=30s")
	shop.Await(s, "all queries are answered", "default", &v1alpha1.CanaryPlan{}, is(metav1.ConditionTrue))
}
