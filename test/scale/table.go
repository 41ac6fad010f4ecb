package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// table prints a column for each number of runs of each contender.
func table(out io.Writer, o options, columns []figures) error {
	head, rule := "| |", "|---|"
	for _, f := range columns {
		head += fmt.Sprintf(" %s, N=%d |", f.of, f.n)
		rule += "---|"
	}
	about := fmt.Sprintf("Interval %s, %d metrics a run, measured for %s; namespaces: %d.\n", o.interval, o.metrics, o.during, o.namespaces)
	lines := []string{about, head, rule}
	for _, row := range rows {
		line := "| " + row.name + " |"
		for _, f := range columns {
			line += " " + row.of(f) + " |"
		}
		lines = append(lines, line)
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

var rows = []struct {
	name string
	of   func(figures) string
}{
	{"time between two rounds of a run, p50 (p99)", func(f figures) string { return percentiles(f.gaps) }},
	{"rounds", func(f figures) string { return f.perSecond(f.rounds) }},
	{"rounds by its own account, late by p50 (p99)", func(f figures) string {
		if f.lags.rounds() == 0 {
			return "-"
		}
		return fmt.Sprintf("%s, %s (%s)", f.perSecond(f.lags.rounds()), f.lags.share(50), f.lags.share(99))
	}},
	{"resident memory, median (peak)", func(f figures) string {
		return fmt.Sprintf("%.0f (%.0f) MiB", share(f.memory, 50)/(1<<20), share(f.memory, 100)/(1<<20))
	}},
	{"CPU of the controller", func(f figures) string { return f.perMinute(f.cpu) }},
	{"CPU a round", func(f figures) string {
		rounds := max(f.rounds, f.lags.rounds()) // statuses tell of some alone
		if rounds == 0 {
			return "-"
		}
		return fmt.Sprintf("%.2f ms", 1000*f.cpu/rounds)
	}},
	{"CPU of the API server", func(f figures) string { return f.perMinute(f.serverCPU) }},
	{"requests to the API server (PATCH or PUT, POST)", func(f figures) string {
		return fmt.Sprintf("%s (%s, %s)", f.perSecond(f.requests), f.perSecond(f.changes), f.perSecond(f.creations))
	}},
	{"queries (failed)", func(f figures) string { return fmt.Sprintf("%s (%.0f)", f.perSecond(f.queries), f.failedQueries) }},
	{"all updates to all Running", func(f figures) string { return fmt.Sprintf("%.1f s", f.burst.Seconds()) }},
	{"an update to Running, p50 (p99)", func(f figures) string { return percentiles(f.starts) }},
	{"requests for it (other than GET)", func(f figures) string { return fmt.Sprintf("%.1f (%.1f)", f.startRequests, f.startSent) }},
	{"the machine", func(f figures) string { return f.load.String() }},
}

func (f figures) perSecond(count float64) string {
	return fmt.Sprintf("%.1f/s", count/f.during.Seconds())
}

func (f figures) perMinute(seconds float64) string {
	return fmt.Sprintf("%.1f s/min", seconds/f.during.Minutes())
}

func percentiles(of []time.Duration) string {
	slices.Sort(of)
	return fmt.Sprintf("%.1f s (%.1f s)", share(of, 50).Seconds(), share(of, 99).Seconds())
}

// share is the value that so many percent of those in order do not exceed, zero of none.
func share[T any](sorted []T, percent int) (out T) {
	if len(sorted) == 0 {
		return out
	}
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
