package promql

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// reply is an answer as Prometheus's HTTP API gives it
// (https://prometheus.io/docs/prometheus/latest/querying/api/).
type reply struct {
	Status    string          `json:"status"`
	Data      json.RawMessage `json:"data"`
	ErrorType string          `json:"errorType"`
	Error     string          `json:"error"`
	Warnings  []string        `json:"warnings"`
	Infos     []string        `json:"infos"`
	// IsPartial is VictoriaMetrics's word for an answer from some of its stores only.
	IsPartial bool `json:"isPartial"`
}

// result is the data of an answer, of one of the types below.
type result struct {
	Type   string          `json:"resultType"`
	Result json.RawMessage `json:"result"`
}

// Types of results.
const (
	typeScalar = "scalar"
	typeVector = "vector"
	typeMatrix = "matrix"
)

// series is one of a vector (one sample) or a matrix.
type series struct {
	Metric     map[string]string `json:"metric"`
	Value      *sample           `json:"value"`
	Values     []sample          `json:"values"`
	Histogram  json.RawMessage   `json:"histogram"`
	Histograms json.RawMessage   `json:"histograms"`
}

// sample is a value and its time, [<seconds>, "<value>"] on the wire.
type sample struct {
	at    time.Time
	value float64
}

// UnmarshalJSON implements json.Unmarshaler. There is no sample without both
// parts: a zero made of what is missing lies in many a range.
func (s *sample) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 2 {
		return errNoSample
	}
	var seconds float64
	var text string
	if json.Unmarshal(parts[0], &seconds) != nil || json.Unmarshal(parts[1], &text) != nil || string(parts[0]) == "null" {
		return errNoSample
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return errNoNumber
	}
	if math.Abs(seconds) > 1e11 {
		return errNoTime
	}
	s.at, s.value = time.UnixMilli(int64(math.Round(seconds*1000))).UTC(), value
	return nil
}
