package agent

import "strings"

// expand replaces every $(NAME) in text that lookup knows, as the API promises for command, args
// and env values: an unknown name stays as it stands, and $$(NAME) is the text $(NAME).
func expand(text string, lookup func(string) (string, bool)) string {
	var out strings.Builder
	for {
		dollar := strings.IndexByte(text, '$')
		if dollar < 0 || dollar+1 == len(text) {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:dollar])
		rest := text[dollar+1:]
		switch rest[0] {
		case '$':
			out.WriteByte('$')
			text = rest[1:]
			continue
		case '(':
			if end := strings.IndexByte(rest, ')'); end > 0 {
				if value, known := lookup(rest[1:end]); known {
					out.WriteString(value)
				} else {
					out.WriteString("$" + rest[:end+1])
				}
				text = rest[end+1:]
				continue
			}
		}
		out.WriteByte('$')
		text = rest
	}
}

func expandAll(texts []string, lookup func(string) (string, bool)) []string {
	expanded := make([]string, len(texts))
	for i, text := range texts {
		expanded[i] = expand(text, lookup)
	}
	return expanded
}

// mapLookup looks names up in NAME=value lines; the last one counts.
func mapLookup(env []string) func(string) (string, bool) {
	values := map[string]string{}
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		values[name] = value
	}
	return func(name string) (string, bool) {
		value, known := values[name]
		return value, known
	}
}
