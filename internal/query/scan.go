package query

import "strings"

// part is a piece of a template: text as it stands, or a placeholder.
type part struct {
	text        string // as the user wrote it
	placeholder Placeholder
	in          place // of a placeholder
	offset      int   // in the user's text
}

// scanner follows just enough of PromQL's lexer (strings, comments, braces) to
// know where a placeholder stands. What it gets wrong in text that is not
// PromQL, the parser refuses anyway.
type scanner struct {
	text    string
	at      int
	start   int // of the text part under way
	quote   byte
	pattern bool // the string is taken for a regular expression
	braces  int
	parts   []part
	known   []Placeholder
}

// scan cuts a text into its parts, with placeholders of those that are known.
func scan(text string, known []Placeholder) ([]part, *Error) {
	s := &scanner{text: text, known: known}
	for s.at < len(s.text) {
		switch {
		case s.opensPlaceholder():
			if err := s.placeholder(); err != nil {
				return nil, err
			}
		case s.quote != 0:
			s.inString()
		default:
			s.inCode()
		}
	}
	s.endText()
	return s.parts, nil
}

// opensPlaceholder: of three braces in a row the first is PromQL's own.
func (s *scanner) opensPlaceholder() bool {
	rest := s.text[s.at:]
	return strings.HasPrefix(rest, "{{") && (s.quote != 0 || !strings.HasPrefix(rest, "{{{"))
}

func (s *scanner) placeholder() *Error {
	name, _, closed := strings.Cut(s.text[s.at+2:], "}}")
	if !closed || strings.ContainsAny(name, "{}\n") {
		return ErrorAt(s.text, s.at, "{{ opens a placeholder that no }} closes; known are %s", list(s.known))
	}
	p := Placeholder(strings.TrimSpace(name))
	if problem := p.check(s.place(), s.known); problem != "" {
		return ErrorAt(s.text, s.at, "%s", problem)
	}
	s.endText()
	end := s.at + 2 + len(name) + 2
	s.parts = append(s.parts, part{
		text: s.text[s.at:end], placeholder: p, in: s.place(), offset: s.at,
	})
	s.at, s.start = end, end
	return nil
}

func (s *scanner) place() place {
	switch {
	case s.quote != 0 && s.pattern:
		return pattern
	case s.quote != 0:
		return quoted
	case s.braces > 0:
		return matchers
	default:
		return bare
	}
}

func (s *scanner) endText() {
	if s.start < s.at {
		s.parts = append(s.parts, part{text: s.text[s.start:s.at], offset: s.start})
	}
	s.start = s.at
}

func (s *scanner) inString() {
	switch c := s.text[s.at]; {
	case c == '\\' && s.quote != '`':
		s.at++ // and what it escapes
	case c == s.quote, c == '\n' && s.quote != '`':
		s.quote = 0
	}
	s.at = min(s.at+1, len(s.text))
}

func (s *scanner) inCode() {
	switch c := s.text[s.at]; c {
	case '"', '\'', '`':
		before := strings.TrimRight(s.text[:s.at], " \t\r\n")
		s.quote = c
		s.pattern = strings.HasSuffix(before, "=~") || strings.HasSuffix(before, "!~")
	case '{':
		s.braces++
	case '}':
		s.braces = max(0, s.braces-1)
	case '#':
		if end := strings.IndexByte(s.text[s.at:], '\n'); end >= 0 {
			s.at += end
		} else {
			s.at = len(s.text) - 1
		}
	}
	s.at++
}
