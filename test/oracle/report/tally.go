package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Tally counts what was played.
type Tally struct {
	// Seed is what the sequences were generated from, 0 if they were read from files.
	Seed            uint64
	Sequences       int
	ToEnd           int
	Holds, Releases int
	Commands        map[sequence.Verb]int
	// Beside counts what commands of any verb say beside the template, or of no version of it.
	Beside      map[string]int
	Explained   map[compare.Explanation]int
	Unexplained map[compare.Aspect]int
}

// Add counts a course.
func (t *Tally) Add(c Course) {
	if t.Commands == nil {
		t.Commands, t.Explained, t.Unexplained = map[sequence.Verb]int{}, map[compare.Explanation]int{}, map[compare.Aspect]int{}
		t.Beside = map[string]int{}
	}
	t.Sequences++
	t.Holds += c.Holds
	t.Releases += c.Releases
	for _, command := range c.Sequence.Commands[:c.Steps] {
		t.Commands[command.Verb]++
		for _, word := range command.Words {
			if what := beside(word); what != "" {
				t.Beside[what]++
			}
		}
	}
	switch {
	case c.ToEnd():
		t.ToEnd++
	case c.Failed():
		t.Unexplained[c.Difference.Aspect]++
	default:
		t.Explained[c.Explanation]++
	}
}

// beside says what a word is about, "" for most.
func beside(w sequence.Word) string {
	annotation, isAnnotation := strings.CutPrefix(w.Key, "annotation.")
	switch {
	case w.Key == "meta-annotation."+hold.ChangeCause:
		return "change-cause"
	case w.Key == "replicas" && w.Value == "0":
		return "no replicas"
	case isAnnotation && slices.Contains(hold.KnownMarks, annotation), strings.HasPrefix(w.Key, "env.STAKATER_"):
		return "mark of a restart"
	}
	return ""
}

// Failed is how many sequences ended in a difference that nothing explains.
func (t Tally) Failed() int { return sum(t.Unexplained) }

// Text is the report of a run that took so long.
func (t Tally) Text(took time.Duration) string {
	var out strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&out, "%-12s "+format+"\n", append([]any{name}, args...)...)
	}
	if t.Seed != 0 {
		row("seed", "%d", t.Seed)
	}
	row("sequences", "%d, %d to their end (%s)", t.Sequences, t.ToEnd, share(t.ToEnd, t.Sequences))
	row("commands", "%d%s", sum(t.Commands), counts(t.Commands))
	row("of these say", "%d%s", sum(t.Beside), counts(t.Beside))
	row("holds", "%d", t.Holds)
	row("releases", "%d", t.Releases)
	row("explained", "%d%s", sum(t.Explained), counts(t.Explained))
	row("unexplained", "%d%s", t.Failed(), counts(t.Unexplained))
	row("time", "%s, %.0f sequences a minute", took.Round(time.Second), float64(t.Sequences)/max(took.Minutes(), 1e-9))
	return out.String()
}

func share(part, of int) string { return fmt.Sprintf("%.0f %%", 100*float64(part)/float64(max(of, 1))) }

func sum[K comparable](counts map[K]int) int {
	total := 0
	for _, n := range counts {
		total += n
	}
	return total
}

// counts lists what was counted, the most frequent first.
func counts[K cmp.Ordered](of map[K]int) string {
	keys := slices.SortedFunc(maps.Keys(of), func(a, b K) int { return cmp.Or(cmp.Compare(of[b], of[a]), cmp.Compare(a, b)) })
	var parts []string
	for _, key := range keys {
		parts = append(parts, fmt.Sprintf("%v %d", key, of[key]))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
