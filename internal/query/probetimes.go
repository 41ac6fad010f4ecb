package query

import (
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ProbeTimes are how often the probes of a run are read by the evaluator, and how long it is
// remembered what they said.
type ProbeTimes struct {
	Every, Keep time.Duration
}

const (
	// readOftenest and readRarest are the bounds of how often probes are read.
	readOftenest = time.Second
	readRarest   = 15 * time.Second
	// readInWindow is how often they are read in the shortest window, readInInterval between two rounds:
	// a comparison of counts goes by what rose since the round before.
	readInWindow   = 6
	readInInterval = 2
	// longestKept is how long it is remembered at most. A comparison of values looks at all
	// windows since Ready.
	longestKept = 24 * time.Hour
	// countedBack is how far a comparison of counts looks back, for the last sample before what it counts.
	countedBack = time.Hour + 10*time.Minute
)

// ProbeTimesOf follow from the metrics of an analysis that read probes; total is how long the run takes.
func ProbeTimesOf(a v1alpha1.Analysis, total time.Duration) ProbeTimes {
	interval := Length(a.Interval)
	out := ProbeTimes{Every: min(interval/readInInterval, readRarest), Keep: time.Minute}
	for _, m := range a.Metrics {
		if !a.ReadsProbes(m) {
			continue
		}
		window := WindowOf(m, interval)
		back := 2*window + interval
		switch {
		case m.Compare != nil && m.Compare.Count != nil:
			window, back = interval*readInWindow/readInInterval, countedBack
		case m.Compare != nil:
			back = total + time.Hour
		case m.Over != nil:
			back += m.Over.Duration.Duration
		}
		if reach := looksBack(m, interval); m.Query != "" && reach > 0 {
			window, back = min(window, reach), back+reach
		}
		out.Every, out.Keep = min(out.Every, window/readInWindow), max(out.Keep, back)
	}
	out.Every = max(out.Every.Truncate(time.Second), readOftenest)
	out.Keep = min(out.Keep+10*out.Every, longestKept)
	return out
}

// looksBack is how far a query looks back beside {{window}}, as far as it says.
func looksBack(m v1alpha1.Metric, interval time.Duration) time.Duration {
	template, err := TemplateOf(m, "")
	if err != nil {
		return 0 // its mistake is told when it is asked
	}
	values := samples
	values.Interval, values.Window = interval, WindowOf(m, interval)
	return template.Window(values)
}
