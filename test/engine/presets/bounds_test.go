package presets

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
)

// shown is what an application shows of its latencies, as Go's client writes it; in
// OpenMetrics bounds have a fraction.
const shown = `# TYPE latency histogram
latency_bucket{le="0.25"} 1
latency_bucket{le="1"} 2
latency_bucket{le="1e+06"} 4
latency_bucket{le="+Inf"} 8
latency_sum 3
latency_count 8
# TYPE wait summary
wait{quantile="0.5"} 16
wait{quantile="1"} 32
wait_sum 3
wait_count 8
`

// scraped are the series that Prometheus 3 stores of a text, by its own parser.
func scraped(t *testing.T, text, contentType string) string {
	t.Helper()
	parser, err := textparse.New([]byte(text), contentType, labels.NewSymbolTable(), textparse.ParserOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for {
		entry, err := parser.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var series labels.Labels
		parser.Labels(&series)
		_, _, value := parser.Series()
		b := labels.NewBuilder(series)
		b.Set("namespace", "shop").Set("pod", "web-abc-x1")
		fmt.Fprintf(&out, "%s %gx40\n", b.Labels(), value)
	}
}

// Whatever was scraped, and by whichever Prometheus, a bound selects the same bucket in
// each of the ways in which a user may have seen it written.
func TestBoundsByPrometheusItself(t *testing.T) {
	open := strings.NewReplacer(`le="1"`, `le="1.0"`, `quantile="1"`, `quantile="1.0"`).Replace(shown) + "# EOF\n"
	pod := func(text string) string { // as they stand: what Prometheus 2 stores of a text
		var out strings.Builder
		for line := range strings.Lines(text) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "} "); ok {
				fmt.Fprintf(&out, "%s,namespace=\"shop\",pod=\"web-abc-x1\"} %sx40\n", name, value)
			}
		}
		return out.String()
	}
	for stored, series := range map[string]string{
		"Prometheus 3, text":         scraped(t, shown, "text/plain"),
		"Prometheus 3, OpenMetrics":  scraped(t, open, "application/openmetrics-text; version=1.0.0"),
		"Prometheus 3, without TYPE": scraped(t, strings.ReplaceAll(shown, "# TYPE", "#"), "text/plain"),
		"Prometheus 2, text":         pod(shown),
		"Prometheus 2, OpenMetrics":  pod(open),
	} {
		for matchers, want := range map[string]float64{
			`latency_bucket{ {{canary}}, le="1" }`:             2,
			`latency_bucket{ {{canary}}, le="1.0" }`:           2,
			`latency_bucket{ {{canary}}, le="0.25" }`:          1,
			`latency_bucket{ {{canary}}, le="0.250" }`:         1,
			`latency_bucket{ {{canary}}, le="1000000" }`:       4,
			`latency_bucket{ {{canary}}, le="1e6" }`:           4,
			`latency_bucket{ {{canary}}, le="+Inf" }`:          8,
			`latency_bucket{ {{canary}}, le=~"0.25|1" }`:       3,
			`latency_bucket{ {{canary}}, le!="1" }`:            13,
			`latency_bucket{ {{canary}}, le!~"1.0|1000000.0"}`: 9,
			`wait{ {{canary}}, quantile="1" }`:                 32,
			`wait{ {{canary}}, quantile=~"0[.]5|1[.]0" }`:      48,
		} {
			if got := ask(t, "sum("+matchers+")", series); !same(got, map[string]float64{"": want}) {
				t.Errorf("%s: %s gives %v, want %v", stored, matchers, got, want)
			}
		}
	}
}
