// Package sharing proves on Prometheus's own engine that queries asked together
// are answered as if each had been asked alone.
package sharing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"

	"holdfast.dev/holdfast/internal/query"
)

const step = 15 * time.Second

// canaries are the names of runs, chosen to begin like each other.
var canaries = []string{"web-1", "web-1-2", "web-12", "web.v2-1", "api-1"}

// load makes counters, gauges and histograms of pods of all canaries and of
// others, some born late, some reset, some gone, with random values.
func load(random *rand.Rand) string {
	var out strings.Builder
	fmt.Fprintf(&out, "load %s\n", step)
	for _, run := range append(slices.Clone(canaries), "web-stable") {
		for pod := range 1 + random.IntN(3) {
			for _, code := range []string{"200", "404", "500"}[:1+random.IntN(3)] {
				at := fmt.Sprintf(`namespace="shop",pod="%s-%c%c",code=%q`, run, 'a'+rune(pod), 'x', code)
				for _, name := range []string{"requests_total", "errors_total"} {
					fmt.Fprintf(&out, "  %s{%s} %s\n", name, at, values(random, true))
				}
				fmt.Fprintf(&out, "  memory_bytes{%s} %s\n", at, values(random, false))
				fmt.Fprintf(&out, "  latency{%s} {{schema:0 sum:4 count:4 buckets:[1 2 1]}}+{{schema:0 sum:%[2]d count:%[2]d buckets:[%[2]d]}}x40\n", at, 1+random.IntN(9))
				for _, le := range []string{"0.1", "1", "+Inf"} {
					fmt.Fprintf(&out, "  latency_bucket{%s,le=%q} %s\n", at, le, values(random, true))
				}
			}
		}
	}
	return out.String()
}

func values(random *rand.Rand, counter bool) string {
	var out []string
	v := 0.0
	born, gone := random.IntN(20), 20+random.IntN(40)
	for i := range 40 {
		switch {
		case !counter:
			v = random.Float64() * 1e6
		case random.IntN(15) == 0:
			v = 0
		default:
			v += float64(random.IntN(50)) * random.Float64()
		}
		if i < born || i > gone {
			out = append(out, "_")
			continue
		}
		out = append(out, fmt.Sprint(v))
	}
	return strings.Join(out, " ")
}

// expression makes a random query whose selectors are all of the canary. Most of
// them can be joined, some cannot.
func expression(random *rand.Rand, depth int) string {
	pick := func(options ...string) string { return options[random.IntN(len(options))] }
	counter := pick("requests_total", "errors_total")
	matchers := pick(`{{canary}}`, `{{canary}},code="500"`, `code!~"2..",{{canary}}`)
	if depth == 0 {
		return pick(
			fmt.Sprintf("%s(%s{%s}[%s])", pick("rate", "increase", "irate", "changes", "resets", "count_over_time"), counter, matchers, pick("1m", "5m")),
			fmt.Sprintf("memory_bytes{%s}", matchers),
			fmt.Sprintf("%s(memory_bytes{%s}[2m]%s)", pick("avg_over_time", "max_over_time", "stddev_over_time", "last_over_time", "deriv"), matchers, pick("", " offset 1m")),
			fmt.Sprintf("quantile_over_time(0.9, memory_bytes{%s}[5m])", matchers),
			strings.ReplaceAll("((N) unless (N offset 2m)) and on (job, instance) (memory_bytes{ {{canary}} } offset 2m) or increase(N[2m])", "N", counter+"{"+matchers+"}"),
			fmt.Sprintf("histogram_count(%s (rate(latency{%s}[5m])))", pick("sum", "sum by (code)", ""), matchers),
			fmt.Sprintf("histogram_quantile(%s, %s (rate(latency_bucket{%s}[5m])))", pick("0.5", "0.99"), pick("sum by (le)", "sum by (le, code)", "max without (pod)"), matchers),
		)
	}
	inner := func() string { return expression(random, depth-1) }
	on := pick("", "", "on(pod, code)", "on(code)", "ignoring(code)", "on()", "on(code) group_left()", "ignoring(pod, code) group_right()")
	switch random.IntN(9) {
	case 0, 1, 2:
		return fmt.Sprintf("%s %s (%s)", pick("sum", "avg", "min", "max", "count", "stddev", "stdvar", "group"), pick("", "by (code)", "by (pod)", "without (pod)", "without ()", "by (le)"), inner())
	case 3, 4:
		return fmt.Sprintf("(%s) %s %s (%s)", inner(), pick("+", "-", "*", "/", "%", "> bool", "<", ">="), on, inner())
	case 5:
		return fmt.Sprintf("(%s) %s %s (%s)", inner(), pick("and", "or", "unless"), pick("", "on(code)", "on()", "ignoring(code)"), inner())
	case 6:
		return fmt.Sprintf("%s(%s)", pick("abs", "-", "ceil", "clamp_max", "sqrt"), inner())
	case 7:
		return fmt.Sprintf("(%s) %s %s", inner(), pick("*", "/", ">", "== bool", "^"), pick("100", "(1 + 1)", "-0.5"))
	default:
		return fmt.Sprintf("%s((%s)[3m:30s])", pick("max_over_time", "avg_over_time", "sum_over_time", "rate"), inner())
	}
}

type engine struct {
	*promql.Engine
	storage storage.Queryable
}

// answer is the series of an instant query by their labels, or its error.
func (e engine) answer(t *testing.T, text string, at time.Time) (map[string]string, error) {
	t.Helper()
	q, err := e.NewInstantQuery(context.Background(), e.storage, nil, text, at)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		return nil, result.Err
	}
	vector, err := result.Vector()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out := map[string]string{}
	for _, s := range vector {
		key := s.Metric.String()
		if _, twice := out[key]; twice {
			t.Fatalf("%s: two series %s", text, key)
		}
		out[key] = fmt.Sprintf("%.12g", s.F)
	}
	if len(result.Warnings) > 0 {
		return out, errors.Join(result.Warnings.AsErrors()...)
	}
	return out, nil
}

// split picks the series of one canary.
func split(t *testing.T, all map[string]string, prefix string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for text, value := range all {
		metric, err := parser.NewParser(parser.Options{}).ParseMetric(text)
		if err != nil {
			t.Fatal(err)
		}
		if metric.Get(query.BatchLabel) == prefix {
			out[labels.NewBuilder(metric).Del(query.BatchLabel).Labels().String()] = value
		}
	}
	return out
}

// Whatever is asked, of whatever there is: what is joined and split is what each
// canary's query gives alone, to the twelfth digit. A joint query may end in an
// error or a warning where not all of the single ones do; then they are asked alone.
func TestSplitAnswersAreSingleAnswers(t *testing.T) {
	const seeds, each = 40, 60
	joined, unclear, nothing := 0, 0, 0
	for seed := range uint64(seeds) {
		random := rand.New(rand.NewPCG(seed, 1))
		e := engine{
			promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 1e7, Timeout: time.Minute, LookbackDelta: 5 * time.Minute}),
			promqltest.LoadedStorage(t, load(random)),
		}
		for range each {
			at := time.Unix(0, 0).UTC().Add(time.Duration(20+random.IntN(20)) * step)
			template, err := query.Parse(expression(random, random.IntN(4)))
			if err != nil {
				continue // not every combination is PromQL
			}
			batch, pods, single := batchOf(t, random, template)
			if batch.Shape == "" {
				continue
			}
			all, err := e.answer(t, batch.Join(pods), at)
			if err != nil {
				unclear++
				continue
			}
			joined++
			for i, text := range single {
				want, err := e.answer(t, text, at)
				if err != nil {
					t.Fatalf("seed %d: together there is no error, alone there is: %s: %v", seed, text, err)
				}
				if diff := cmp.Diff(want, split(t, all, query.PrefixOf(pods[i]))); diff != "" {
					t.Fatalf("seed %d: %s at %s: -alone +together:\n%s\njoined: %s", seed, text, at, diff, batch.Join(pods))
				}
				if len(want) == 0 {
					nothing++
				}
			}
		}
	}
	t.Logf("%d queries were joined, %d more were not clear; %d of %d answers were empty", joined, unclear, nothing, joined*len(canaries))
	if joined < seeds*each/4 || nothing > joined*len(canaries)*3/4 {
		t.Error("too little was tried to mean anything")
	}
}

// batchOf renders a query for every canary, of some of which the pods are known; it has no
// shape if it cannot be joined.
func batchOf(t *testing.T, random *rand.Rand, template query.Template) (batch query.Batch, pods, single []string) {
	t.Helper()
	for i, run := range canaries {
		values := query.Values{Namespace: "shop", Deployment: "web", Canary: []string{run}}
		if names := []string{run + "-ax", run + "-bx", run + "-cx"}; random.IntN(2) == 0 {
			values.PodNames = map[string][]string{run: names[:1+random.IntN(3)]}
		}
		text, err := template.Render(values)
		if err != nil {
			t.Fatal(err)
		}
		b, ok := query.BatchOf(text, "pod")
		if !ok {
			return query.Batch{}, nil, nil
		}
		if i > 0 && b.Shape != batch.Shape {
			t.Fatalf("%s has another shape: %s, %s", text, b.Shape, batch.Shape)
		}
		batch, pods, single = b, append(pods, b.Pods), append(single, text)
	}
	return batch, pods, single
}
