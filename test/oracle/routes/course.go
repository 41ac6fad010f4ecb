package routes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/play"
)

// describe tells all that is known of a difference.
func describe(c play.Course) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s after command %d of:\n", c.Difference.Aspect, c.Steps)
	if c.Explanation != "" {
		fmt.Fprintf(&out, "(%s)\n", c.Explanation)
	}
	text, err := c.Sequence.Encode()
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	fmt.Fprintf(&out, "%s(-) the twin, (+) the route:\n%s", text, c.Difference.Detail)
	fmt.Fprintf(&out, "the last write was %q\n", c.Last.Command)
	fmt.Fprintf(&out, "twin: exit code %d\n%sroute: exit code %d\n%s", c.Last.Outcome.Twin.Code, c.Last.Outcome.Twin.Said, c.Last.Outcome.Laid.Code, c.Last.Outcome.Laid.Said)
	fmt.Fprintf(&out, "twin before: %s\ntwin after: %s\nroute before: %s\nroute after: %s\n",
		rules(c.Last.Before.Twin), rules(c.Last.After.Twin), rules(c.Last.Before.Laid), rules(c.Last.After.Laid))
	return out.String()
}

func rules(v compare.View) string {
	spec, _ := v.Object["spec"].(compare.Object)
	out := fmt.Sprint(spec["rules"])
	if v.Record != nil {
		out += fmt.Sprintf("\n  (%d %% of run %s; asked for are %v)", v.Record.Percent, v.Record.Run, v.Record.Rules)
	}
	return out
}

// tally counts what came of sequences.
type tally struct {
	sequences, toEnd, failed, commands, writes, under, runs, again int
	explained                                                      map[compare.Explanation]int
	verbs                                                          map[string]int
}

func (t *tally) add(c play.Course) {
	t.sequences++
	t.commands, t.writes, t.under, t.runs, t.again = t.commands+c.Steps, t.writes+c.Writes, t.under+c.Under, t.runs+c.Runs, t.again+c.Again
	switch {
	case c.Failed():
		t.failed++
	case c.Explanation != "":
		t.explained[c.Explanation]++
	default:
		t.toEnd++
	}
	for _, command := range c.Sequence.Commands[:c.Steps] {
		t.verbs[string(command.Verb)]++
	}
}

func (t *tally) text(seed uint64, took time.Duration) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d sequences of seed %d in %s: %d to their end, %d unexplained", t.sequences, seed, took.Round(time.Second), t.toEnd, t.failed)
	for _, e := range slices.Sorted(maps.Keys(t.explained)) {
		fmt.Fprintf(&out, ", %d %s", t.explained[e], e)
	}
	fmt.Fprintf(&out, "\n%d commands; the route was written %d times, %d of them with a share on it, while %d runs came and went; %d clients were run again after a conflict\n",
		t.commands, t.writes, t.under, t.runs, t.again)
	for _, verb := range slices.Sorted(maps.Keys(t.verbs)) {
		fmt.Fprintf(&out, "  %-15s %d\n", verb, t.verbs[verb])
	}
	return out.String()
}
