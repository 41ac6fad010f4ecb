package tenants

import (
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// countingOthers is a plan that asks an endpoint of how many namespaces beside one
// there are series of pods, which is to be none.
func countingOthers(endpoint string) string {
	return strings.Replace(shop.PlanAsking(endpoint), "sum(up{ {{canary}} }) * 0", `count(count by (namespace) (up{namespace!=""})) - 1`, 1)
}

// TestATenantSeesNoSeriesOfAnother: the same query, which looks at all namespaces,
// sees one where the endpoint has tenancy and several where it has not.
func TestATenantSeesNoSeriesOfAnother(t *testing.T) {
	t.Parallel()
	other := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	kept := shop.Open(t, shop.Settings{Plan: countingOthers("tenants"), NoLoad: true, Replicas: 1})
	free := shop.Open(t, shop.Settings{Plan: countingOthers("default"), NoLoad: true, Replicas: 1})

	run := free.HoldV2()
	if ended := free.WantReverted(run.Name, v1alpha1.ReasonMetricOutOfRange); ended.Status.Verdict != v1alpha1.VerdictFail {
		t.Errorf("without tenancy the series of %s are not seen: %+v", other.Namespace, ended.Status)
	}
	run = kept.HoldV2()
	ended := kept.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	metric := shop.MetricOf(t, ended, "error-rate")
	if want := fmt.Sprintf(`up{namespace!="",namespace=%q}`, kept.Namespace); !strings.Contains(metric.Last[len(metric.Last)-1].Query, want) {
		t.Errorf("asked %s, want %s in it", metric.Last[len(metric.Last)-1].Query, want)
	}
}

// TestAPolicyKeepsQueriesToTheirNamespace, whatever the endpoint would answer.
func TestAPolicyKeepsQueriesToTheirNamespace(t *testing.T) {
	t.Parallel()
	shop.Open(t, shop.Settings{NoLoad: true, Replicas: 1})
	s := shop.OpenTenancy(t, countingOthers("default"), `prometheus: {matchers: ['namespace="{{namespace}}"']}`)
	_, stderr, code := s.Kubectl("--as=joe", "apply", "-f", "-", strings.Replace(shop.PlanAsking("default"), "sum(up{ {{canary}} }) * 0", `sum(info(up{ {{canary}} }))`, 1))
	if code == 0 || !strings.Contains(stderr, "spec.analysis.metrics[0].query: Forbidden") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
	run := s.HoldV2()
	ended := s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	metric := shop.MetricOf(t, ended, "error-rate")
	if want := fmt.Sprintf(`up{namespace!="",namespace=%q}`, s.Namespace); !strings.Contains(metric.Last[len(metric.Last)-1].Query, want) {
		t.Errorf("asked %s, want %s in it", metric.Last[len(metric.Last)-1].Query, want)
	}
}

func TestAQueryThatCannotBeKeptToItsNamespaceIsRefused(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{NoLoad: true, Replicas: 0})
	plan := func(query string) string {
		return strings.Replace(shop.PlanAsking("tenants"), "sum(up{ {{canary}} }) * 0", query, 1)
	}
	_, stderr, code := s.Kubectl("apply", "-f", "-", plan(`sum(info(up{ {{canary}} }))`))
	if code == 0 || !strings.Contains(stderr, "spec.analysis.metrics[0].query: Forbidden: line 1, column 5: info(…) looks up series that no matcher of the query is on") {
		t.Errorf("exit code %d, kubectl says:\n%s", code, stderr)
	}
	if said := s.Must("apply", "-f", "-", plan(`sum(up{namespace="kube-system"}) + sum(up{ {{canary}} })`)); !strings.Contains(said, `asks for namespace="kube-system"`) {
		t.Errorf("kubectl says:\n%s", said)
	}
}

// TestNoPrometheusIsLookedForWhereCloudsServeCredentials: an endpoint at the
// address of a cloud's metadata gets no connection, and runs say why.
func TestNoPrometheusIsLookedForWhereCloudsServeCredentials(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.PlanAsking("metadata"), NoLoad: true, Replicas: 1})
	run := s.HoldV2()
	ended := s.WantReverted(run.Name, v1alpha1.ReasonErrorLimit)
	if want := "refused to connect: its address is refused: it is link-local"; ended.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(ended.Status.Message, want) {
		t.Errorf("verdict %s: %s; want %s in it", ended.Status.Verdict, ended.Status.Message, want)
	}
}
