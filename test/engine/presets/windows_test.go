package presets

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"

	"holdfast.dev/holdfast/internal/query"
)

// A canary that does the same all the time: a counter that rises by 20 each 15 s, a
// gauge that goes to and fro, one that rises, a counter that starts anew each minute,
// and a histogram.
const evenly = `load 15s
  c{namespace="shop",pod="web-abc-x1"} 0+20x200
  e{namespace="shop",pod="web-abc-x1"} 0+3x200
  g{namespace="shop",pod="web-abc-x1"} ` + "4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4 6 4" + `
  r{namespace="shop",pod="web-abc-x1"} 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10 0 5 10
  l_bucket{namespace="shop",pod="web-abc-x1",le="1"} 0+5x200
  l_bucket{namespace="shop",pod="web-abc-x1",le="2"} 0+15x200
  l_bucket{namespace="shop",pod="web-abc-x1",le="+Inf"} 0+20x200
`

// ofLevels are functions that say where values lie.
var ofLevels = []string{"avg_over_time", "stddev_over_time", "stdvar_over_time", "mad_over_time"}

// ofRange are calls of every function of a range, but for those that need no window.
func ofRange(t *testing.T) []string {
	t.Helper()
	more := map[string]string{"predict_linear": ", 60", "double_exponential_smoothing": ", 0.9, 0.1"}
	var out []string
	for name, f := range parser.Functions {
		if len(f.ArgTypes) == 0 || f.ArgTypes[0] != parser.ValueTypeMatrix || strings.HasPrefix(name, "ts_of_") || strings.HasPrefix(name, "absent") {
			continue
		}
		for _, of := range []string{"c", "g", "r"} {
			if of == "c" && slices.Contains(ofLevels, name) { // it has no level
				continue
			}
			out = append(out, name+"("+of+"{ {{canary}} }[10m]"+more[name]+")")
		}
	}
	return append(out,
		`quantile_over_time(0.5, g{ {{canary}} }[10m])`,
		`sum(increase(e{ {{canary}} }[10m])) / sum(increase(c{ {{canary}} }[10m]))`,
		`sum(increase(e{ {{canary}} }[10m])) / sum(increase(c{ {{canary}} }[9m]))`,
		`sum(increase(e{ {{canary}} }[10m])) / (sum(increase(c{ {{canary}} }[10m])) > 0)`,
		`1 - (increase(e{ {{canary}} }[10m]) or increase(c{ {{canary}} }[10m])) / increase(c{ {{canary}} }[10m])`,
		`sum_over_time(g{ {{canary}} }[10m]) / count_over_time(g{ {{canary}} }[10m])`,
		`histogram_quantile(0.4, sum by (le) (increase(l_bucket{ {{canary}} }[10m])))`,
		`sum(increase(c{ {{canary}} }[10m])) / 600`,
		`clamp_max(sum(increase(c{ {{canary}} }[10m])), 500)`,
	)
}

// What is asked of a young canary, over the window that its age leaves, is what is
// asked of one that is old: Holdfast waits for the whole window or needs not.
func TestACutWindowSaysTheSameByPrometheusItself(t *testing.T) {
	storage := promqltest.LoadedStorage(t, evenly)
	t.Cleanup(func() { storage.Close() })
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
		MaxSamples: 1e6, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{EnableExperimentalFunctions: true}),
	})
	value := func(text string) float64 {
		q, err := engine.NewInstantQuery(context.Background(), storage, nil, text, time.Unix(720, 0))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		defer q.Close()
		v, err := q.Exec(context.Background()).Vector()
		if err != nil || len(v) != 1 {
			t.Fatalf("%s: %v %v", text, v, err)
		}
		return v[0].F
	}
	waiting, early := 0, 0
	for _, text := range ofRange(t) {
		template, err := query.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		values := query.Values{Namespace: "shop", Canary: []string{"web-abc"}, Interval: 30 * time.Second, Window: 2 * time.Minute}
		whole, err := template.Render(values)
		if err != nil {
			t.Fatal(err)
		}
		warmUp := template.WarmUp(values, 15*time.Second)
		values.Age = max(warmUp, 2*time.Minute)
		cut, err := template.Render(values)
		if err != nil {
			t.Fatal(err)
		}
		if warmUp >= 10*time.Minute {
			waiting++
		} else {
			early++
		}
		if got, want := value(cut), value(whole); math.Abs(got-want) > 0.15*math.Abs(want)+0.02 {
			t.Errorf("%s is %g after %s and %g over its window", text, got, values.Age, want)
		}
	}
	if waiting < 20 || early < 20 {
		t.Errorf("%d wait and %d do not: is anything proved?", waiting, early)
	}
}
