package probes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	answers "holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Bounds of a query: plans are written by tenants.
const (
	// evaluatedAtOnce is how many are evaluated at once.
	evaluatedAtOnce = 2
	longestQuery    = 10 * time.Second
	maxAnswer       = 8 << 20
)

// asker answers the queries of a run. It implements measure.Querier.
type asker struct {
	*Reader
	of *course
}

var language = parser.NewParser(parser.Options{
	EnableExperimentalFunctions:  true,
	ExperimentalDurationExpr:     true,
	EnableExtendedRangeSelectors: true,
	EnableBinopFillModifiers:     true,
})

// engine is Prometheus's own, as it is set up there. It keeps nothing between queries.
var engine = promql.NewEngine(promql.EngineOpts{
	MaxSamples: maxAsked, Timeout: longestQuery, LookbackDelta: 5 * time.Minute,
	EnableAtModifier: true, EnableNegativeOffset: true, Parser: language,
	NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
})

// Query implements measure.Querier.
func (a asker) Query(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return a.ask(ctx, query, []parser.ValueType{parser.ValueTypeScalar, parser.ValueTypeVector}, func(ctx context.Context) (promql.Query, error) {
		return engine.NewInstantQuery(ctx, a.of.samples, nil, query, at)
	})
}

// QueryRange implements measure.Querier.
func (a asker) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Answer, error) {
	if to.Before(from) { // there is no step yet
		return analysis.Answer{Query: query}, nil
	}
	return a.ask(ctx, query, []parser.ValueType{parser.ValueTypeMatrix}, func(ctx context.Context) (promql.Query, error) {
		return engine.NewRangeQuery(ctx, a.of.samples, nil, query, from, to, step)
	})
}

// QuerySamples implements measure.Querier.
func (a asker) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return a.ask(ctx, query, []parser.ValueType{parser.ValueTypeMatrix}, func(ctx context.Context) (promql.Query, error) {
		return engine.NewInstantQuery(ctx, a.of.samples, nil, query, at)
	})
}

// ask evaluates a query, unless it is about a pod whose probe cannot be read: what
// is not known of it must not look as if it had no requests.
func (a asker) ask(ctx context.Context, text string, wanted []parser.ValueType, prepare func(context.Context) (promql.Query, error)) (analysis.Answer, error) {
	out := analysis.Answer{Query: text}
	if err := a.unread(text); err != nil {
		out.Error, out.Reason = err.Error(), v1alpha1.MeasuredProbeFailed
		return out, nil
	}
	turn, cancel := context.WithTimeout(ctx, longestQuery)
	defer cancel()
	done, err := a.asks.Take(turn, a.of.run.Name.Namespace, 1)
	if err != nil {
		return a.failed(ctx, out, errors.New("too many queries about probes are evaluated at once, and its turn did not come in time"))
	}
	defer done()
	q, err := prepare(ctx)
	if err != nil {
		return a.failed(ctx, out, fmt.Errorf("bad query: %w", err))
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return a.failed(ctx, out, result.Err)
	}
	warnings, infos := result.Warnings.AsStrings(text, 10, 10)
	out.Warnings, out.Infos = warnings, infos
	if !slices.Contains(wanted, result.Value.Type()) {
		out.WrongType = string(result.Value.Type())
		return out, nil
	}
	if err := addSeries(&out, result.Value); err != nil {
		return a.failed(ctx, out, err)
	}
	return out, nil
}

func (a asker) failed(ctx context.Context, out analysis.Answer, err error) (analysis.Answer, error) {
	if ctx.Err() != nil {
		return analysis.Answer{}, fmt.Errorf("query probes: %w", context.Cause(ctx))
	}
	out.Series, out.Error = nil, plaintext.Line(err.Error(), 400)
	return out, nil
}

// addSeries turns a value of the engine into series.
func addSeries(out *analysis.Answer, value parser.Value) error {
	size := 0
	add := func(s analysis.Series) error {
		if size += s.Size(); size > maxAnswer {
			return errors.New("the answer is too large; let the query aggregate its series")
		}
		out.Series = append(out.Series, s)
		return nil
	}
	switch v := value.(type) {
	case promql.Scalar:
		out.Series = []analysis.Series{{Value: v.V}}
	case promql.Vector:
		for _, s := range v {
			if s.H != nil {
				out.Series, out.WrongType = nil, "vector of histograms"
				return nil
			}
			one := seriesOf(s.Metric)
			one.Value = s.F
			if err := add(one); err != nil {
				return err
			}
		}
	case promql.Matrix:
		for _, s := range v {
			if len(s.Histograms) > 0 || len(s.Floats) == 0 {
				out.Series, out.WrongType = nil, "matrix of histograms"
				return nil
			}
			one := seriesOf(s.Metric)
			one.Samples = make([]analysis.Sample, 0, len(s.Floats))
			for _, f := range s.Floats {
				one.Samples = append(one.Samples, analysis.Sample{Time: time.UnixMilli(f.T).UTC(), Value: f.F})
			}
			one.Value = s.Floats[len(s.Floats)-1].F
			if err := add(one); err != nil {
				return err
			}
		}
	}
	return nil
}

func seriesOf(l labels.Labels) analysis.Series {
	metric := l.Map()
	return analysis.Series{Labels: answers.LabelText(metric), Metric: metric}
}

// unread is the error of a query that is about a pod which cannot be read, nil if there is none.
func (a asker) unread(text string) error {
	expr, err := language.ParseExpr(text)
	if err != nil {
		return nil // it is told when it is evaluated
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.runs[a.of.run.Name] != a.of {
		return errors.New("its probes are no longer read")
	}
	for _, selector := range parser.ExtractSelectors(expr) {
		if err := a.of.unreadOf(selector); err != nil {
			return err
		}
	}
	return nil
}

// unreadOf: a pod of the run that cannot be read is an error, and of the Deployment's own pods, if none can.
func (c *course) unreadOf(selector []*labels.Matcher) error {
	var stable, lost int
	var why error
	for _, name := range slices.Sorted(maps.Keys(c.pods)) {
		s := c.pods[name]
		if !selects(selector, c.run.Name.Namespace, name) {
			continue
		}
		err := s.failed()
		if s.pod.IsStable {
			stable++
			if err != nil {
				lost++
				why = err
			}
		} else if err != nil {
			return err
		}
	}
	if stable > 0 && lost == stable {
		return why
	}
	return nil
}

// selects says whether a selector may select series of a pod.
func selects(selector []*labels.Matcher, namespace, pod string) bool {
	of := map[string]string{namespaceLabel: namespace, podLabel: pod, jobLabel: job}
	return !slices.ContainsFunc(selector, func(m *labels.Matcher) bool {
		value, known := of[m.Name]
		if m.Name == model.MetricNameLabel {
			return m.Type == labels.MatchEqual && !strings.HasPrefix(m.Value, namePrefix)
		}
		return known && !m.Matches(value)
	})
}
