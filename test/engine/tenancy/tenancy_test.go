// Package tenancy proves on Prometheus's own engine that a query with a tenant's
// matchers on it neither returns nor depends on a series of another tenant, and
// that it is the same query otherwise. The queries are generated.
package tenancy

import (
	"context"
	"fmt"
	"maps"
	oldrand "math/rand"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cortexproject/promqlsmith"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/storage"

	"holdfast.dev/holdfast/internal/query/tenancy"
)

const (
	step    = 15 * time.Second
	samples = 40
)

var shop = []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "namespace", "shop")}

// seriesOf are the series of a namespace.
func seriesOf(namespace string) []labels.Labels {
	var out []labels.Labels
	for _, name := range []string{"requests_total", "errors_total", "memory_bytes", "latency_bucket"} {
		for _, pod := range []string{"web-1-a", "web-1-b", "api-1-a"} {
			for _, code := range []string{"200", "500"} {
				l := []string{model.MetricNameLabel, name, "namespace", namespace, "pod", pod, "code", code}
				if name != "latency_bucket" {
					out = append(out, labels.FromStrings(l...))
					continue
				}
				for _, le := range []string{"0.1", "1", "+Inf"} {
					out = append(out, labels.FromStrings(append(l, "le", le)...))
				}
			}
		}
	}
	return append(out,
		labels.FromStrings(model.MetricNameLabel, "target_info", "namespace", namespace, "instance", "i", "job", "j", "secret", namespace),
		labels.FromStrings(model.MetricNameLabel, "limit", "namespace", namespace))
}

// load writes series with random values, some of them not there all the time.
func load(random *rand.Rand, all []labels.Labels) string {
	var out strings.Builder
	fmt.Fprintf(&out, "load %s\n", step)
	for _, series := range all {
		v, born := 0.0, random.IntN(15)
		fmt.Fprintf(&out, "  %s", series)
		for i := range samples {
			if i < born {
				out.WriteString(" _")
				continue
			}
			if v += float64(random.IntN(50)); random.IntN(15) == 0 {
				v = float64(random.IntN(3))
			}
			if series.Get(model.MetricNameLabel) == "memory_bytes" { // no two are equal
				v = random.Float64() * 1e6
			}
			fmt.Fprintf(&out, " %g", v)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// world is one random state of the shop, and what a server may know beside it.
type world struct {
	*promql.Engine
	alone, beside, changed storage.Queryable
}

func newWorld(t *testing.T, seed uint64) world {
	t.Helper()
	own := load(rand.New(rand.NewPCG(seed, 1)), seriesOf("shop"))
	others := func(stream uint64, namespaces ...string) string {
		var all []labels.Labels
		for _, n := range namespaces {
			all = append(all, seriesOf(n)...)
		}
		return load(rand.New(rand.NewPCG(seed, stream)), all)
	}
	return world{
		Engine: promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{
			MaxSamples: 1e7, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, EnableAtModifier: true, EnableNegativeOffset: true,
			Parser: parser.NewParser(all),
		}),
		alone:   promqltest.LoadedStorage(t, own),
		beside:  promqltest.LoadedStorage(t, own+"\n"+others(2, "other")),
		changed: promqltest.LoadedStorage(t, own+"\n"+others(3, "other", "more")+"  extra{namespace=\"other\",pod=\"web-1-a\"} 1+1x40\n  extra{pod=\"web-1-a\"} 1+1x40\n"),
	}
}

var all = parser.Options{
	EnableExperimentalFunctions: true, ExperimentalDurationExpr: true, EnableExtendedRangeSelectors: true, EnableBinopFillModifiers: true,
}

// answer is all that a client sees of an answer: series with values, or an error.
func (w world) answer(t *testing.T, in storage.Queryable, text string, at time.Time) map[string]string {
	t.Helper()
	q, err := w.NewRangeQuery(context.Background(), in, nil, text, at.Add(-2*step), at, step)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer q.Close()
	result := q.Exec(context.Background())
	out := map[string]string{}
	if result.Err != nil {
		// Which two of many series clash it does not say the same way twice.
		out["error"], _, _ = strings.Cut(result.Err.Error(), "{")
		if strings.Contains(result.Err.Error(), "other") {
			out["error"] += " (of another tenant)"
		}
		return out
	}
	matrix, err := result.Matrix()
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	for _, s := range matrix {
		values := ""
		for _, f := range s.Floats {
			values += fmt.Sprintf(" %.10g", f.F)
		}
		for _, h := range s.Histograms {
			values += " " + h.H.String()
		}
		out[s.Metric.String()] = values
	}
	return out
}

// ambiguous says whether a query has several answers on one and the same data:
// which of equals topk takes, and in which order numbers are added, the engine
// leaves open.
func (w world) ambiguous(t *testing.T, text string, at time.Time) bool {
	t.Helper()
	first := w.answer(t, w.beside, text, at)
	for range 50 {
		if !maps.Equal(first, w.answer(t, w.beside, text, at)) {
			return true
		}
	}
	return false
}

// aggregations are all but topk, bottomk and limitk: which of equals they take is
// another for each server. query has a topk where none are equal.
var aggregations = []parser.ItemType{
	parser.SUM, parser.AVG, parser.MIN, parser.MAX, parser.COUNT, parser.GROUP, parser.STDDEV, parser.STDVAR,
	parser.QUANTILE, parser.COUNT_VALUES, parser.LIMIT_RATIO,
}

// functions are those that the generator knows how to call, without the one that
// it adds to the parser's list by itself.
func functions() []*parser.Function {
	var out []*parser.Function
	for _, name := range slices.Sorted(maps.Keys(parser.Functions)) {
		if f := parser.Functions[name]; name != "histogram_quantiles" && name != "holt_winters" && len(f.ArgTypes) > 0 {
			out = append(out, f)
		}
	}
	return out
}

// query makes a random one. What a generator rarely does is done on top: selectors
// where a scalar or a parameter stands.
func query(smith *promqlsmith.PromQLSmith, random *rand.Rand) string {
	one := func() string { return smith.WalkInstantQuery().Pretty(0) }
	text := one()
	switch random.IntN(6) {
	case 0:
		return fmt.Sprintf("topk(scalar(count(%s)) %% 5, memory_bytes)", text)
	case 1:
		return fmt.Sprintf("quantile by (code) (scalar(limit), requests_total) or (%s)", text)
	case 2:
		return fmt.Sprintf("clamp_max(memory_bytes, scalar(sum(%s)))", text)
	case 3:
		return fmt.Sprintf("max_over_time((%s)[2m:30s] @ end() offset -15s)", text)
	}
	return text
}

func TestNoAnswerDependsOnAnotherTenant(t *testing.T) {
	const worlds, each = 25, 80
	asked, refused, empty, wouldLeak, ambiguous := 0, 0, 0, 0, 0
	for seed := range uint64(worlds) {
		w := newWorld(t, seed)
		random := rand.New(rand.NewPCG(seed, 4))
		smith := promqlsmith.New(oldrand.New(oldrand.NewSource(int64(seed))), slices.Concat(seriesOf("shop"), seriesOf("other")),
			promqlsmith.WithEnableOffset(true), promqlsmith.WithEnableAtModifier(true), promqlsmith.WithEnableVectorMatching(true),
			promqlsmith.WithEnabledFunctions(functions()), promqlsmith.WithEnabledAggrs(aggregations), promqlsmith.WithAtModifierMaxTimestamp(samples*step.Milliseconds()))
		for range each {
			text := query(smith, random)
			if parsed, err := parser.NewParser(all).ParseExpr(text); err != nil || parsed.Type() != parser.ValueTypeVector && parsed.Type() != parser.ValueTypeScalar {
				continue // not all that is generated is PromQL
			}
			enforced, err := tenancy.Enforce(text, shop)
			if err != nil {
				if !strings.Contains(text, "info(") {
					t.Fatalf("seed %d: %s: %v", seed, text, err)
				}
				refused++
				continue
			}
			at := time.Unix(0, 0).UTC().Add(time.Duration(20+random.IntN(samples-20)) * step)
			got, changed := w.answer(t, w.beside, enforced, at), w.answer(t, w.changed, enforced, at)
			if diff := cmp.Diff(got, changed); diff != "" {
				if w.ambiguous(t, enforced, at) {
					ambiguous++
					continue
				}
				t.Fatalf("seed %d: another tenant's series changed the answer:\n%s\nasked as\n%s\n%s", seed, text, enforced, diff)
			}
			if strings.Contains(got["error"], "another tenant") {
				t.Fatalf("seed %d: an error tells of another tenant:\n%s\nasked as\n%s", seed, text, enforced)
			}
			asked++
			if len(got) == 0 {
				empty++
			}
			if leaks := w.answer(t, w.beside, text, at); !maps.Equal(leaks, w.answer(t, w.alone, text, at)) {
				wouldLeak++
			}
			if strings.Contains(text, "absent") { // its series has the labels that are asked for
				continue
			}
			if diff := cmp.Diff(w.answer(t, w.alone, text, at), got); diff != "" && !w.ambiguous(t, enforced, at) {
				t.Fatalf("seed %d: it is not the same query any more:\n%s\nasked as\n%s\n-alone, as written +enforced\n%s", seed, text, enforced, diff)
			}
		}
	}
	t.Logf("%d queries asked, %d refused; %d had an empty answer, %d would have told of another tenant, %d have no one answer", asked, refused, empty, wouldLeak, ambiguous)
	if asked < worlds*each/2 || empty > asked*3/4 || wouldLeak < asked/10 || ambiguous > asked/20 {
		t.Error("too little was tried to mean anything")
	}
}
