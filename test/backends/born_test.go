package backends

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/evaluator/measure"
)

// firstIncrements: what increase() makes of a counter that is born at 9, and of one born at 30, and stays so.
// Built-in queries and comparisons count both, on every server; of a query of one's own it depends on the
// server. VictoriaMetrics counts the first value if it is less than ten times the next difference and one
// (rollupDelta in app/vmselect/promql), Prometheus never, but with the flag use-start-timestamps where a
// start timestamp lies in the window.
func firstIncrements(t *testing.T, e measure.Endpoint, at time.Time, ofNine, ofThirty float64) {
	t.Helper()
	for pod, want := range map[string]float64{"born-a": ofNine, "born-b": ofThirty} {
		answer, err := e.Query(t.Context(), fmt.Sprintf(`increase(http_requests_total{%s=%q,code="500"}[50s])`, e.Labels.Pod, pod), at)
		if err != nil || len(answer.Series) != 1 {
			t.Errorf("increase of the counter of %s: %+v, %v", pod, answer, err)
			continue
		}
		got := answer.Series[0].Value
		t.Logf("increase of the counter of %s: %g", pod, got)
		if math.Abs(got-want) > 0.2*want {
			t.Errorf("increase of the counter of %s is %g, and was known to be %g", pod, got, want)
		}
	}
}

// countsFromTheFirst: increase() differs, and what the docs give instead of it does not.
func countsFromTheFirst(t *testing.T, w world) {
	t.Helper()
	for _, backend := range append(w.backends(), backend{"Prometheus", w.prometheus, "", 0, true}) {
		if strings.Contains(backend.settings, longDelay) {
			continue // which looks at a time before the first failures
		}
		t.Run("first increments by "+backend.name, func(t *testing.T) {
			e := open(t, backend.address, backend.settings)
			firstIncrements(t, e, w.now, backend.born, 0)
			agree(t, outcomes(t, e, tried(t, "born", w.began, ready, byHand(t)), w.now), map[string]string{
				"by-hand-0": "Passed InRange", "by-hand-1": "Passed InRange",
			})
		})
	}
}

// byHand are the queries that the docs give for who wants first increments counted in a query of one's own: 9
// and 30, and their share.
func byHand(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/how-to/write-a-plan.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "**The first increment.**")
	section, _, _ = strings.Cut(section, "## ")
	blocks := regexp.MustCompile(`(?m)(?:^    .*\n)+`).FindAllString(section, -1)
	if len(blocks) != 2 || !strings.Contains(blocks[0], " / ") || !strings.Contains(blocks[1], "increase") {
		t.Fatalf("the docs show %q", blocks)
	}
	ours := strings.NewReplacer("errors_total{ {{canary}}", `http_requests_total{ {{canary}}, code="500"`, "requests_total{ {{canary}}", "http_requests_total{ {{canary}}")
	out := "\nanalysis:\n  interval: 5s\n  period: 1m\n  metrics:\n"
	for i, limits := range []string{"{min: 0.005, max: 0.01}", "{min: 39, max: 39}"} {
		out += fmt.Sprintf("  - name: by-hand-%d\n    window: 20s\n    range: %s\n    query: |\n%s", i, limits, indented(ours.Replace(blocks[i])))
	}
	return out
}

func indented(text string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(text, "    $1")
}
