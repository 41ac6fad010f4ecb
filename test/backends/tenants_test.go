package backends

import (
	"strings"
	"testing"
)

// unaware are queries that name no namespace, of pods whose names a neighbour's have too, and one of the
// neighbour's own.
const unaware = `
analysis:
  interval: 5s
  period: 1m
  metrics:
  - name: error-rate
    query: 1 - sum(rate(http_requests_total{pod=~"good-.", code="200"}[20s])) / sum(rate(http_requests_total{pod=~"good-."}[20s]))
    range: {max: 0.05}
  - name: of-each
    query: sum by (pod) (rate(http_requests_total{pod=~"good-.", code="200"}[20s]))
    per: Pod
    range: {min: 30}
  - name: neighbours
    query: count(queue_length{namespace="$neighbour"})
    range: {min: 100}
`

// shown is a way in which a namespace sees its own series alone. The settings are those of shop.
type shown struct {
	name, address, settings string
	// neighbours is what is answered to somebody who asks for the series of another namespace.
	neighbours string
}

const unseen, replaced = "NoData NoData", "Failed BelowMin"

// ways are those by Holdfast, on every backend, and those of servers.
func (w world) ways() []shown {
	out := []shown{
		{"Prometheus, by Holdfast", w.prometheus, settings(byLabel), unseen},
		{"Prometheus, by a matcher", w.prometheus, settings(byMatchers), unseen},
		{"VictoriaMetrics, by extra_label", w.victoria, settings(shortDelay, byExtraLabel), unseen},
		{"VictoriaMetrics, by extra_filters", w.victoria, settings(shortDelay, byExtraFilters), unseen},
	}
	for _, b := range w.backends() {
		if !strings.Contains(b.settings, longDelay) {
			out = append(out, shown{b.name + ", by Holdfast", b.address, b.settings + settings(byLabel), unseen})
		}
	}
	if w.mimir != "" {
		out = append(out, shown{"Mimir, by its header", w.mimir, settings("delay: 10s", byMimirHeader), unseen})
	}
	if w.thanosOfTenants != "" {
		out = append(out, shown{"Thanos, by its header", w.thanosOfTenants, settings(byThanosHeader), replaced})
	}
	return out
}

// tenantsSeeTheirOwn series, and are judged as if nobody else had any.
func tenantsSeeTheirOwn(t *testing.T, w world, want map[string]map[string]string) {
	t.Helper()
	all := outcomesFor(t, w, shown{"", w.prometheus, "", ""}, "good", unaware)
	agree(t, all, map[string]string{"error-rate": "Failed AboveMax", "of-each": "Passed InRange", "neighbours": "Failed BelowMin"})
	for _, way := range w.ways() {
		t.Run("tenants by "+way.name, func(t *testing.T) {
			for _, set := range []string{"good", "bad"} {
				agree(t, outcomesFor(t, w, way, set, criteria), want[set])
			}
			agree(t, outcomesFor(t, w, way, "good", unaware), map[string]string{
				"error-rate": "Passed InRange", "of-each": "Passed InRange", "neighbours": way.neighbours,
			})
			agree(t, outcomesFor(t, w, way, "their-bad", unaware), map[string]string{
				"error-rate": "Failed AboveMax", "of-each": "Failed BelowMin", "neighbours": way.neighbours,
			})
		})
	}
}

// outcomesFor are those of a canary in its namespace, which sees what it is shown.
func outcomesFor(t *testing.T, w world, way shown, set, plan string) map[string]string {
	t.Helper()
	namespace := members(set)[0].namespace()
	neighbour := map[string]string{shop: books, books: shop}[namespace]
	e, _ := opened(t, namespace, way.address, strings.ReplaceAll(way.settings, shop, namespace))
	return outcomes(t, e, tried(t, set, w.began, ready, strings.ReplaceAll(plan, "$neighbour", neighbour)), w.now)
}
