package route

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// istioMatching is HTTPMatchRequest of networking.istio.io, whose schema has no bounds: so many rules are
// looked at. A rule without matches is for all requests.
var istioMatching = matching{
	matches: "match", inOrder: true, mostRules: 256, mostMatches: 1024, mostInAll: 1024, mostHeaders: 64,
	nothing: func() map[string]any { return map[string]any{} },
	headers: stringMatches{},
}

// stringMatches are headers by their names, each with a StringMatch: the text, its prefix, or a regular
// expression.
type stringMatches struct{}

func (stringMatches) asked(match map[string]any) []Header {
	all, _ := match["headers"].(map[string]any)
	var out []Header
	for name, says := range all {
		h := Header{Name: name}
		how, _ := says.(map[string]any)
		for field, kind := range map[string]string{"exact": exact, "regex": "RegularExpression"} {
			if value, is := how[field].(string); is {
				h.Type, h.Value = kind, value
			}
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// asking has names in small letters, as Istio wants them.
func (stringMatches) asking(match map[string]any, more []Header) map[string]any {
	all, _ := match["headers"].(map[string]any)
	all = without(all, "")
	for _, h := range more {
		field := "exact"
		if h.Type != exact {
			field = "regex"
		}
		all[strings.ToLower(h.Name)] = map[string]any{field: h.Value}
	}
	out := without(match, "headers")
	out["headers"] = all
	return out
}

// istioName is what Istio takes for the name of a header.
var istioName = regexp.MustCompile("^[-_A-Za-z0-9]+$")

// ignored are names that Istio has said it ignores as headers: all requests would match.
var ignored = []string{"uri", "scheme", "method", "authority"}

// cannot: what Istio refuses is said before it does, and what it might take for another thing.
func (stringMatches) cannot(h Header) error {
	switch {
	case !istioName.MatchString(h.Name), slices.Contains(ignored, strings.ToLower(h.Name)):
		return fmt.Errorf("spec.http: Istio takes %q for no name of a header, which match of the plan asks for; choose another header in the plan", h.Name)
	case h.Type != exact:
		if _, err := regexp.Compile(h.Value); err != nil {
			return fmt.Errorf("spec.http: match of the plan has an expression for header %s that Istio does not read: %w", h.Name, err)
		}
	}
	return nil
}
