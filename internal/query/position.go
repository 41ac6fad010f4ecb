package query

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake at a place of the text that a user wrote.
type Error struct {
	// Offset is the place in bytes from the start of the text, from 0 to its length.
	Offset int
	// Line and Column are the same place for people, counted from 1, columns in characters.
	Line, Column int
	// Message says what is wrong, without the place.
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// ErrorAt makes an Error at a byte offset of text; an offset outside of text is
// moved to its nearest end.
func ErrorAt(text string, offset int, format string, args ...any) *Error {
	offset = min(max(offset, 0), len(text))
	before := text[:offset]
	line := strings.Count(before, "\n")
	start := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Offset:  offset,
		Line:    line + 1,
		Column:  utf8.RuneCountInString(before[start:]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}
