// Package plaintext makes text of others fit to be shown: in an event, a warning, a
// status or a log, on a terminal as on a web page.
//
// The package is pure.
package plaintext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Line makes one line of a text, of so many bytes at most. Line breaks and tabs
// become spaces; what a terminal takes for a command (control characters), what
// turns text around or hides in it (Unicode's bidirectional controls and other
// formats) and what is no UTF-8 becomes U+FFFD. A text that is cut ends in "…".
func Line(text string, limit int) string { return Cut(clean(text, false), limit) }

// Block is the same for a text that may have several lines, such as a query.
func Block(text string, limit int) string { return Cut(clean(text, true), limit) }

func clean(text string, lines bool) string {
	if printable(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case r == '\n', r == '\r', r == '\t', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r):
			return utf8.RuneError
		}
		return r // Map makes U+FFFD of a byte that is no UTF-8
	}, text)
}

func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] >= 0x7f {
			return false
		}
	}
	return true
}

const ellipsis = "…"

// Cut keeps a text of UTF-8 within so many bytes, at the boundary of a character; what is
// cut ends in "…".
func Cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(limit-len(ellipsis), 0)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}
