// Package report says what came of sequences: of one for those who look for a mistake, of all for
// those who want to know how much was tried. It is pure.
package report

import (
	"fmt"
	"strings"

	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Course is how a sequence went.
type Course struct {
	Sequence sequence.Sequence
	// Steps is how many of its commands were given.
	Steps           int
	Holds, Releases int
	Difference      compare.Difference
	// Explanation is why the difference cannot be helped, "" if it could or there is none.
	Explanation compare.Explanation
	// Last is the last command that was given.
	Last *compare.Step
}

// Failed says whether there is a difference that nothing explains.
func (c Course) Failed() bool { return c.Difference.Found() && c.Explanation == "" }

// ToEnd says whether the sequence ran to its end.
func (c Course) ToEnd() bool { return !c.Difference.Found() }

// String tells all that is known of a difference: the sequence, with what may be said of the last
// command, and both sides' output and requests.
func (c Course) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s", c.Difference.Aspect)
	if c.Explanation != "" {
		fmt.Fprintf(&out, " (%s)", c.Explanation)
	}
	if c.Steps == len(c.Sequence.Commands) && c.Difference.Final() {
		fmt.Fprint(&out, " in the end of:\n")
	} else {
		fmt.Fprintf(&out, " after command %d of:\n", c.Steps)
	}
	text, err := c.Sequence.Encode()
	if err != nil {
		fmt.Fprintf(&out, "%v\n", err)
	}
	out.Write(text)
	fmt.Fprintf(&out, "(-) unguarded, (+) guarded:\n%s", c.Difference.Detail)
	if c.Last != nil {
		fmt.Fprintf(&out, "unguarded: %sguarded: %s", outcome(c.Last.Outcome.Unguarded), outcome(c.Last.Outcome.Guarded))
	}
	return out.String()
}

func outcome(o compare.Outcome) string {
	var out strings.Builder
	fmt.Fprintf(&out, "exit code %d\n%s%s", o.Code, indented(o.Stdout), indented(o.Stderr))
	for _, r := range o.Requests {
		fmt.Fprintf(&out, "  %s %s %s manager=%s force=%v -> %d %s\n", r.Method, r.Path, r.ContentType, r.Manager, r.Force, r.Status, r.Message)
		fmt.Fprint(&out, indented("  "+shortened(r.Body)))
		for _, warning := range r.Warnings {
			fmt.Fprint(&out, indented("  warning: "+warning))
		}
	}
	return out.String()
}

// bodyLimit is how much of a request's body is shown, in bytes.
const bodyLimit = 4000

func shortened(text string) string {
	if len(text) > bodyLimit {
		return text[:bodyLimit] + "…"
	}
	return text
}

func indented(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}
