package promql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/prometheus/common/model"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plaintext"
)

// decode turns the data of an answer into series, if it is of the type that was
// asked for and has a value everywhere. An error is for what is no answer, or
// takes more than so many bytes in memory.
func decode(data json.RawMessage, wanted func(kind string) bool, limit int, out *analysis.Answer) error {
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("data: %s", unreadable(err))
	}
	if !known(r.Type) {
		return errors.New("data: unknown result type")
	}
	if !wanted(r.Type) {
		out.WrongType = r.Type
		return nil
	}
	out.Type = r.Type
	if r.Type == typeScalar {
		return decodeScalar(r.Result, out)
	}
	return decodeSeries(r, limit, out)
}

// decodeSeries reads one series after the other, until they are too much.
func decodeSeries(r result, limit int, out *analysis.Answer) error {
	list := json.NewDecoder(bytes.NewReader(r.Result))
	begin, err := list.Token()
	if err == nil && begin != nil && begin != json.Delim('[') {
		err = errNoList
	}
	for err == nil && begin != nil && list.More() {
		var s *series
		if err = list.Decode(&s); err != nil {
			break
		}
		if problem := s.problem(r.Type); problem != "" {
			out.Series, out.Type, out.WrongType = nil, "", problem
			return nil
		}
		one := s.observed()
		if limit -= one.Size(); limit < 0 {
			return errTooLarge
		}
		out.Series = append(out.Series, one)
	}
	if err != nil {
		return fmt.Errorf("%s: %s", r.Type, unreadable(err))
	}
	return nil
}

func known(kind string) bool {
	return kind == typeScalar || kind == typeVector || kind == typeMatrix || kind == "string"
}

func decodeScalar(data json.RawMessage, out *analysis.Answer) error {
	var s *sample
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("scalar: %s", unreadable(err))
	}
	if s == nil {
		out.Type, out.WrongType = "", "scalar without a value"
		return nil
	}
	out.Series = []analysis.Series{{Value: s.value}}
	return nil
}

// problem says why a series cannot be judged, "" if it can.
func (s *series) problem(kind string) string {
	switch {
	case s == nil:
		return kind + " with a series that is null"
	case present(s.Histogram) || present(s.Histograms):
		return kind + " of histograms"
	case kind == typeVector && s.Value == nil, kind == typeMatrix && len(s.Values) == 0:
		return kind + " with a series that has no value"
	}
	return ""
}

func present(data json.RawMessage) bool { return len(data) > 0 && string(data) != "null" }

// observed is the series as it is judged. That of a range has its last value.
func (s *series) observed() analysis.Series {
	out := analysis.Series{Labels: LabelText(s.Metric), Metric: s.Metric}
	if s.Value != nil {
		out.Value = s.Value.value
		return out
	}
	out.Samples = make([]analysis.Sample, 0, len(s.Values))
	for _, v := range s.Values {
		out.Samples = append(out.Samples, analysis.Sample{Time: v.at, Value: v.value})
	}
	out.Value = s.Values[len(s.Values)-1].value
	return out
}

// maxLabels is the longest text that labels make.
const maxLabels = 4 << 10

// LabelText writes labels as PromQL does.
func LabelText(labels map[string]string) string {
	metric := make(model.Metric, len(labels))
	for name, value := range labels {
		metric[model.LabelName(name)] = model.LabelValue(value)
	}
	return plaintext.Line(metric.String(), maxLabels)
}
