package check

import (
	"cmp"
	"fmt"
	"slices"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	// Mistake: the manifest would be refused, or could not be followed.
	Mistake Severity = "error"
	// Doubt: it would be taken with a warning.
	Doubt Severity = "warning"
)

// Finding is something wrong or doubtful, and where.
type Finding struct {
	// Line and Column are counted from 1, columns in characters.
	Line, Column int
	Severity     Severity
	// Field is the path of the field in its object, "" where it is about the text.
	Field, Message string
}

// maxMessage is the longest that is said of a finding, in bytes.
const maxMessage = 2000

// In is a finding as compilers print theirs, for a file.
func (f Finding) In(file string) string {
	text := f.Message
	if f.Field != "" {
		text = f.Field + ": " + text
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", file, f.Line, f.Column, f.Severity, plaintext.Line(text, maxMessage))
}

// sorted are findings in the order of the text.
func sorted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return all
}
