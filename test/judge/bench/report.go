package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"holdfast.dev/holdfast/test/judge/judges"
	"holdfast.dev/holdfast/test/judge/world"
)

// Report writes what came of a bench in Markdown: how the judges are set, where
// each misses the bar, a table for each rate, and, with full, every number.
func Report(w io.Writer, cells []Cell, all []judges.Judge, full bool) {
	fmt.Fprintln(w, "Judges:")
	fmt.Fprintln(w)
	for _, j := range all {
		fmt.Fprintf(w, "- **%s**: %s\n", j.Name, j.Settings)
	}
	bar(w, cells, all)
	var rates []float64
	for _, c := range cells {
		if !slices.Contains(rates, c.Rate) {
			rates = append(rates, c.Rate)
		}
	}
	for _, rate := range rates {
		overview(w, cells, all, rate)
	}
	if full {
		everything(w, cells, all)
	}
}

func bar(w io.Writer, cells []Cell, all []judges.Judge) {
	if !slices.ContainsFunc(cells, func(c Cell) bool { return c.Rate == barRate }) {
		return
	}
	fmt.Fprintf(w, "\nWhere the bar (%d requests/s, the first five scenarios) is not met:\n\n", barRate)
	for i, j := range all {
		var short []string
		for _, c := range cells {
			if slices.Contains(world.Beyond, c.Scenario) {
				continue
			}
			if s := Shortfall(c.Cell, c.Scores[i]); s != "" {
				short = append(short, fmt.Sprintf("%s, %s: %s", c.Scenario, c.Regression, s))
			}
		}
		if len(short) == 0 {
			short = []string{"met"}
		}
		fmt.Fprintf(w, "- **%s**: %s\n", j.Name, strings.Join(short, "; "))
	}
}

// overview tells for each cell the share of runs that each judge reverted, and in
// what time half of all were.
func overview(w io.Writer, cells []Cell, all []judges.Judge, rate float64) {
	fmt.Fprintf(w, "\n%g requests/s: runs reverted, and after what time half of them all were\n\n", rate)
	fmt.Fprint(w, "| scenario | regression |")
	for _, j := range all {
		fmt.Fprintf(w, " %s |", j.Name)
	}
	fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("---|", len(all)))
	for _, c := range cells {
		if c.Rate != rate {
			continue
		}
		fmt.Fprintf(w, "| %s | %s |", c.Scenario, c.Regression)
		for _, s := range c.Scores {
			fmt.Fprintf(w, " %s", percent(s.Share(s.Reverted)))
			if median, ok := quantile(s.ToRevert, s.Runs, 0.5); ok {
				fmt.Fprintf(w, ", %s", clock(median))
			}
			fmt.Fprint(w, " |")
		}
		fmt.Fprintln(w)
	}
}

// everything is a row for each cell and judge.
func everything(w io.Writer, cells []Cell, all []judges.Judge) {
	fmt.Fprint(w, "\n| requests/s | scenario | regression | judge | reverted | released | undecided | median time to decide | p90 |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range cells {
		for i, s := range c.Scores {
			median, p90 := "", ""
			if t, ok := quantile(s.ToDecide, s.Runs, 0.5); ok {
				median = clock(t)
			}
			if t, ok := quantile(s.ToDecide, s.Runs, 0.9); ok {
				p90 = clock(t)
			}
			fmt.Fprintf(w, "| %g | %s | %s | %s | %s | %s | %s | %s | %s |\n", c.Rate, c.Scenario, c.Regression, all[i].Name,
				percent(s.Share(s.Reverted)), percent(s.Share(s.Released)), percent(s.Share(s.Undecided)), median, p90)
		}
	}
}

// percent writes a share; what is not quite all is not called all.
func percent(share float64) string {
	switch {
	case share == 0 || share == 1:
		return fmt.Sprintf("%.0f %%", 100*share)
	case share >= 0.9995:
		return "> 99.9 %"
	case share <= 0.0005:
		return "< 0.1 %"
	default:
		return fmt.Sprintf("%.1f %%", 100*share)
	}
}

func clock(seconds int) string { return fmt.Sprintf("%d:%02d", seconds/60, seconds%60) }
