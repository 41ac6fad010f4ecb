package probes

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"holdfast.dev/holdfast/internal/probe"
)

// What one scrape may have. A probe has some twenty series for each port and status.
const (
	maxBody       = 1 << 20
	maxLine       = 4 << 10
	maxSeries     = 1000
	maxLabels     = 8
	maxLabelValue = 128
)

// kinds are the metrics that are kept, and of which type each must be.
var kinds = map[string]dto.MetricType{
	probe.RequestsTotal:    dto.MetricType_COUNTER,
	probe.RequestDuration:  dto.MetricType_HISTOGRAM,
	probe.RequestsInFlight: dto.MetricType_GAUGE,
	probe.BytesTotal:       dto.MetricType_COUNTER,
	probe.ConnectionsTotal: dto.MetricType_COUNTER,
}

// point is the value of a series at a scrape. Its labels have its name, and not the pod.
type point struct {
	labels labels.Labels
	value  float64
}

var errTooMany = fmt.Errorf("it has more than %d series", maxSeries)

// parse reads what a probe shows, in the text format of Prometheus.
func parse(body []byte) ([]point, error) {
	ours, err := linesOfProbe(body)
	if err != nil {
		return nil, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(ours))
	if err != nil {
		return nil, fmt.Errorf("what it shows is no text of Prometheus: %w", err)
	}
	if families[probe.RequestsInFlight] == nil {
		return nil, fmt.Errorf("it shows no %s, so it is no probe", probe.RequestsInFlight)
	}
	var out []point
	for name, family := range families {
		kind, wanted := kinds[name]
		if !wanted {
			continue
		}
		if family.GetType() != kind {
			return nil, fmt.Errorf("its %s is no %s", name, strings.ToLower(kind.String()))
		}
		for _, m := range family.GetMetric() {
			points, err := pointsOf(name, m)
			if err != nil {
				return nil, fmt.Errorf("its %s: %w", name, err)
			}
			if out = append(out, points...); len(out) > maxSeries {
				return nil, errTooMany
			}
		}
	}
	return out, nil
}

// linesOfProbe leaves the lines of the probe's own metrics: a page may have others.
func linesOfProbe(body []byte) ([]byte, error) {
	var out bytes.Buffer
	for line := range bytes.Lines(body) {
		if rest := bytes.TrimPrefix(line, []byte("# TYPE ")); !bytes.HasPrefix(rest, []byte(namePrefix)) {
			continue
		}
		if len(line) > maxLine {
			return nil, fmt.Errorf("it has a line of more than %d bytes", maxLine)
		}
		out.Write(line)
		if !bytes.HasSuffix(line, []byte("\n")) {
			out.WriteByte('\n')
		}
	}
	return out.Bytes(), nil
}

// namePrefix is what the names of all metrics of probes begin with.
const namePrefix = "holdfast_probe_"

// pointsOf are the series that a metric is in Prometheus.
func pointsOf(name string, m *dto.Metric) ([]point, error) {
	pairs, err := pairsOf(m)
	if err != nil {
		return nil, err
	}
	series := func(name string, value float64, more ...string) point {
		return point{labels.FromStrings(append(append([]string{model.MetricNameLabel, name}, more...), pairs...)...), value}
	}
	var out []point
	switch {
	case m.GetCounter() != nil:
		out = append(out, series(name, m.GetCounter().GetValue()))
	case m.GetGauge() != nil:
		return []point{series(name, m.GetGauge().GetValue())}, finite(m.GetGauge().GetValue())
	case m.GetHistogram() != nil:
		h := m.GetHistogram()
		out = append(out, series(name+"_count", float64(h.GetSampleCount())), series(name+"_sum", h.GetSampleSum()))
		for _, b := range h.GetBucket() {
			out = append(out, series(name+"_bucket", float64(b.GetCumulativeCount()), model.BucketLabel, bound(b.GetUpperBound())))
		}
	default:
		return nil, errors.New("it has no value")
	}
	for _, p := range out {
		if err := finite(p.value); err != nil || p.value < 0 {
			return nil, errors.Join(err, fmt.Errorf("%g is nothing that was counted", p.value))
		}
	}
	return out, nil
}

func finite(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("%g is no number", v)
	}
	return nil
}

// pairsOf are the labels of a metric, but for those that say whose it is.
func pairsOf(m *dto.Metric) ([]string, error) {
	if len(m.GetLabel()) > maxLabels {
		return nil, fmt.Errorf("a series has more than %d labels", maxLabels)
	}
	var out []string
	seen := map[string]bool{}
	for _, l := range m.GetLabel() {
		switch name := l.GetName(); {
		case whose[name] || l.GetValue() == "":
			continue
		case seen[name] || name == model.MetricNameLabel || name == model.BucketLabel:
			return nil, errors.New("a series has a label twice, or one that it cannot have")
		case len(name) > maxLabelValue || len(l.GetValue()) > maxLabelValue:
			return nil, fmt.Errorf("a series has a label of more than %d bytes", maxLabelValue)
		default:
			seen[name] = true
			out = append(out, name, l.GetValue())
		}
	}
	return out, nil
}

// The labels that say whose a series is. They are the evaluator's to give.
const (
	namespaceLabel = "namespace"
	podLabel       = "pod"
	jobLabel       = "job"
	instanceLabel  = "instance"
	// job is the value of jobLabel.
	job = probe.Container
)

var whose = map[string]bool{namespaceLabel: true, podLabel: true, jobLabel: true, instanceLabel: true}

// bound writes the end of a bucket as Prometheus 3 stores it.
func bound(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	text := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(text, ".eN") {
		text += ".0"
	}
	return text
}
