package promql

import (
	"github.com/prometheus/common/model"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// decode turns an answer into series, if it is of a type that has single values.
//
// The decoder of the client library makes a zero of a value that is not there.
// Zero is in many a range, so what has no timestamp either is no value.
func decode(value model.Value, out *analysis.Observation) {
	switch v := value.(type) {
	case *model.Scalar:
		if v == nil || v.Timestamp == 0 {
			out.WrongType = "scalar without a value"
			return
		}
		out.Series = []analysis.Series{{Value: float64(v.Value)}}
	case model.Vector:
		out.Series, out.WrongType = decodeVector(v)
	case nil:
		out.WrongType = "response without a value"
	default:
		out.WrongType = v.Type().String()
	}
}

func decodeVector(v model.Vector) (series []analysis.Series, wrongType string) {
	for _, sample := range v {
		switch {
		case sample == nil || sample.Timestamp == 0:
			return nil, "vector with a sample that has no value"
		case sample.Histogram != nil:
			return nil, "vector of histograms"
		}
		series = append(series, analysis.Series{Labels: sample.Metric.String(), Metric: labelsOf(sample.Metric), Value: float64(sample.Value)})
	}
	return series, ""
}
