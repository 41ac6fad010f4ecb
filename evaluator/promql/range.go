package promql

import (
	"context"
	"time"

	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// QueryRange asks for the values of a query at from and every step after it, up
// to and with to. What goes wrong on the way stands in the observation; the
// error is ctx's alone, and then nothing was observed.
func (c *Client) QueryRange(ctx context.Context, query string, from, to time.Time, step time.Duration) (analysis.Observation, error) {
	asking, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out := analysis.Observation{Query: query}
	if c.api == nil {
		return c.failed(ctx, out, errNone)
	}
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-asking.Done():
		return c.failed(ctx, out, asking.Err())
	}
	began := time.Now()
	value, warnings, err := c.api.QueryRange(asking, query, promv1.Range{Start: from, End: to, Step: step}, promv1.WithTimeout(c.timeout))
	c.metrics.duration.Observe(time.Since(began).Seconds())
	out.Warnings = warnings
	if err != nil {
		return c.failed(ctx, out, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		out.WrongType = "response without ranges of values"
		return out, nil
	}
	out.Series, out.WrongType = decodeMatrix(matrix)
	return out, nil
}

func decodeMatrix(matrix model.Matrix) (series []analysis.Series, wrongType string) {
	for _, stream := range matrix {
		switch {
		case stream == nil || len(stream.Values) == 0 && len(stream.Histograms) == 0:
			return nil, "matrix with a series that has no values"
		case len(stream.Histograms) > 0:
			return nil, "matrix of histograms"
		}
		one := analysis.Series{Labels: stream.Metric.String(), Metric: labelsOf(stream.Metric)}
		for _, pair := range stream.Values {
			if pair.Timestamp == 0 { // what the decoder makes of a value that is not there
				return nil, "matrix with a sample that has no value"
			}
			one.Samples = append(one.Samples, analysis.Sample{Time: pair.Timestamp.Time(), Value: float64(pair.Value)})
		}
		one.Value = one.Samples[len(one.Samples)-1].Value
		series = append(series, one)
	}
	return series, ""
}

func labelsOf(metric model.Metric) map[string]string {
	out := make(map[string]string, len(metric))
	for name, value := range metric {
		out[string(name)] = string(value)
	}
	return out
}
