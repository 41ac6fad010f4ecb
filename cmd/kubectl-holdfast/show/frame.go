package show

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// What a terminal is told.
const (
	toTop      = "\x1b[H"
	eraseLine  = "\x1b[K"
	eraseBelow = "\x1b[J"
)

// Frame is a page as a terminal of this size draws it over the one before, without flicker. Lines are cut at
// its width, and lines too many left out, for a page that scrolls could not be drawn over; the last page is
// whole.
func Frame(page string, width, height int, last bool) string {
	lines := strings.Split(strings.TrimRight(page, "\n"), "\n")
	if hidden := len(lines) - height + 1; hidden > 0 && !last && height > 1 {
		lines = append(lines[:height-2:height-2], fmt.Sprintf("… %d more lines; make the window taller", hidden+1))
	}
	var out strings.Builder
	out.WriteString(toTop)
	for _, line := range lines {
		if runes := []rune(line); len(runes) > width && !last && width > 0 {
			line = string(runes[:width-1]) + "…"
		}
		out.WriteString(line + eraseLine + "\n")
	}
	out.WriteString(eraseBelow)
	return out.String()
}

// Stand is what a run has come to: another one is worth telling.
func Stand(run *v1alpha1.CanaryRun) string {
	step := int32(0)
	if run.Status.Step != nil {
		step = run.Status.Step.Number
	}
	return fmt.Sprint(run.Name, run.Status.Phase, run.Status.Reason, step, lifecycle.AttemptOf(run.Status), run.Status.Verdict)
}
