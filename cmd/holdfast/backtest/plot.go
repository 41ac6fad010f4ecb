package backtest

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"os"
	"strings"

	"holdfast.dev/holdfast/evaluator/backtest"
)

//go:embed plot.html
var page string

// plot is the page, which escapes all that it is given.
var plot = template.Must(template.New("plot").Funcs(template.FuncMap{
	"stamp":   stamp,
	"classOf": func(o backtest.Fate) string { return strings.ToLower(string(o)) },
	"short":   short,
}).Parse(page))

// section is a rollout on the page.
type section struct {
	Entry
	Charts []chart
}

// writePlot writes one page of HTML that needs nothing else.
func writePlot(name string, r Report) error {
	sections := []section{}
	for _, e := range r.Decisions {
		s := section{Entry: e}
		for _, m := range e.Metrics {
			s.Charts = append(s.Charts, chartOf(e, m))
		}
		sections = append(sections, s)
	}
	var out strings.Builder
	err := plot.Execute(&out, map[string]any{
		"Report": r, "Sections": sections,
		"Width": chartWidth, "Height": chartHeight, "Left": leftEdge, "Right": rightEdge, "Top": topEdge, "Bottom": bottomEdge,
	})
	if err != nil {
		return fmt.Errorf("plot: %w", err)
	}
	if err := os.WriteFile(name, []byte(out.String()), 0o600); err != nil {
		return fmt.Errorf("write plot: %w", err)
	}
	return nil
}
