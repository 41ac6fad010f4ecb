package route

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Header is what a header of a request must be so that the request goes to the canary.
type Header struct {
	// Name is its name, in any case, Type Exact or RegularExpression, and Value what its value must be.
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"`
}

const exact = "Exact"

// HeadersOf are the headers that a match of a plan asks for, none where there is no match.
func HeadersOf(match *v1alpha1.RequestMatch) []Header {
	var out []Header
	for _, h := range match.AllHeaders() {
		out = append(out, Header{Name: h.Name, Type: string(h.Type), Value: h.Value})
	}
	return out
}

// Text says for people which requests match, "" where none do. Other requests have another text.
func Text(match []Header) string {
	var out []string
	for _, h := range match {
		is := "is"
		if h.Type != exact {
			is = "matches"
		}
		out = append(out, fmt.Sprintf("%s %s %q", h.Name, is, h.Value))
	}
	return strings.Join(out, " and ")
}

// Requests that match go to the canary by rules of their own, copies: each is one of the user's with
// the headers in each of its matches, whose backends that are the production Service are the canary's. Which of
// several rules a request takes the Gateway API says by how much each asks for, so a copy is
// before what it is made of wherever it stands. They stand behind all others: where a rule is in its list stays true,
// so that a JSON patch by an index reaches what its writer means.
//
// Headers weigh more than order, and more than other headers. So a rule that sends requests elsewhere, and that comes
// before one of production's by headers alone, is copied too (see precedence.go).

// matching is how a kind of route says which requests a rule is for.
type matching struct {
	// mostRules is how many rules a route may have, mostMatches how many matches a rule, mostInAll how many all rules
	// together, and mostHeaders how many headers a match.
	mostRules, mostMatches, mostInAll, mostHeaders int
	// nothing is a match that asks for nothing, as the API server stores it.
	nothing func() map[string]any
	// asksAsMuch says whether it may be that nothing but headers and what weighs less than headers decides which of two
	// matches a request takes that fits both.
	asksAsMuch func(a, b map[string]any) bool
}

const matches = "matches"

// httpMatching is that of HTTPRoute, with the bounds of its schema.
var httpMatching = matching{
	mostRules: 16, mostMatches: 64, mostInAll: 128, mostHeaders: 16,
	nothing: func() map[string]any {
		return map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}
	},
	asksAsMuch: asksAsMuchHTTP,
}

// grpcMatching is that of GRPCRoute.
var grpcMatching = matching{
	mostRules: 16, mostMatches: 64, mostInAll: 128, mostHeaders: 16,
	nothing:    func() map[string]any { return map[string]any{} },
	asksAsMuch: asksAsMuchGRPC,
}

// copies are the rules for the requests that match.
func (d Dialect) copies(o Overlay, rules []any) ([]any, error) {
	if len(o.Match) == 0 {
		return nil, nil
	}
	if d.matching == nil {
		return nil, fmt.Errorf("spec.%s: matches of this kind of route are not known: have no match in the plan", d.Rules)
	}
	var out []any
	for _, i := range d.copied(o, rules) {
		rule, err := d.copyOf(o, rules[i])
		if err != nil {
			return nil, fmt.Errorf("spec.%s[%d].%w", d.Rules, i, err)
		}
		if rule != nil {
			out = append(out, rule)
		}
	}
	all := slices.Concat(rules, out)
	if n := len(all); n > d.matching.mostRules {
		return nil, fmt.Errorf("spec.%s: has %d rules, takes %d more for the requests that match, and may have %d: there is no room; make two routes of it",
			d.Rules, len(rules), len(out), d.matching.mostRules)
	}
	n := 0
	for _, rule := range all {
		n += len(matchesOf(rule))
	}
	if n > d.matching.mostInAll {
		return nil, fmt.Errorf("spec.%s: would have %d matches with those for the requests that match, and may have %d: there is no room; make two routes of it", d.Rules, n, d.matching.mostInAll)
	}
	return out, nil
}

// copyOf is the copy of a rule, nil where no request that fits the rule has the headers.
func (d Dialect) copyOf(o Overlay, rule any) (any, error) {
	own := matchesOf(rule)
	if len(own) == 0 {
		own = []any{d.matching.nothing()}
	}
	var asked []any
	for i, m := range own {
		match, err := d.withHeaders(o, m)
		if err != nil {
			return nil, fmt.Errorf("%s[%d].headers: %w", matches, i, err)
		}
		if match != nil {
			asked = append(asked, match)
		}
	}
	if len(asked) == 0 {
		return nil, nil
	}
	backends := slices.Clone(d.backendsOf(rule))
	for i, b := range backends {
		if d.isService(b, o.Namespace, o.Service) {
			backends[i] = d.renamed(b, o.Canary, d.weightOf(b, len(backends)))
		}
	}
	fields, _ := rule.(map[string]any)
	out := without(fields, "name") // no two rules have one
	out[matches] = asked
	if len(backends) > 0 {
		out[d.backends] = backends
	}
	return out, nil
}

// withHeaders is a match that asks for the headers too, nil where no request fits both.
func (d Dialect) withHeaders(o Overlay, match any) (any, error) {
	fields, _ := match.(map[string]any)
	headers := headersOf(fields)
	for _, h := range o.Match {
		for _, own := range headers {
			if !strings.EqualFold(textOr(own, "name", ""), h.Name) {
				continue
			}
			if h.Type != exact || textOr(own, "type", exact) != exact {
				return nil, fmt.Errorf("asks for header %s, and so does match of the plan: both cannot be asked for at once; choose another header in the plan", h.Name)
			}
			if textOr(own, "value", "") != h.Value {
				return nil, nil
			}
			return nil, fmt.Errorf("asks for %s: %s, as match of the plan does: these requests go where this rule sends them already; choose another header in the plan", h.Name, h.Value)
		}
	}
	if n := len(headers) + len(o.Match); n > d.matching.mostHeaders {
		return nil, fmt.Errorf("has %d headers, takes %d more for match of the plan, and may have %d", len(headers), len(o.Match), d.matching.mostHeaders)
	}
	all, _ := fields["headers"].([]any)
	all = slices.Clone(all)
	for _, h := range o.Match {
		all = append(all, map[string]any{"name": h.Name, "type": h.Type, "value": h.Value})
	}
	out := without(fields, "headers")
	for key, value := range d.matching.nothing() {
		if _, said := out[key]; !said {
			out[key] = value
		}
	}
	out["headers"] = all
	return out, nil
}

// isCopy says whether a rule is one of the copies, as it was laid or with a change to it. The change is lost: its writer
// has another rule to make it to. None sends anything to the production Service; and no rule of a user asks for
// the headers, or nothing is laid over it.
func (d Dialect) isCopy(s Standing, rule any) bool {
	if slices.ContainsFunc(d.backendsOf(rule), func(b any) bool { return d.isService(b, s.Namespace, s.Service) }) {
		return false
	}
	if !d.names(s, rule) { // it may be of one that sends requests elsewhere
		return asksFor(s.Match, rule) && slices.ContainsFunc(s.Laid[min(len(s.User), len(s.Laid)):], func(laid any) bool {
			return reflect.DeepEqual(matchesOf(laid), matchesOf(rule))
		})
	}
	return asksFor(s.Match, rule) || d.baseOf(s, rule, -1) < 0
}

// asksFor says whether each match of a rule asks for the headers.
func asksFor(match []Header, rule any) bool {
	all := matchesOf(rule)
	return len(all) > 0 && !slices.ContainsFunc(all, func(m any) bool {
		fields, _ := m.(map[string]any)
		return slices.ContainsFunc(match, func(h Header) bool {
			return !slices.ContainsFunc(headersOf(fields), func(own map[string]any) bool {
				return textOr(own, "name", "") == h.Name && textOr(own, "type", exact) == h.Type && textOr(own, "value", "") == h.Value
			})
		})
	})
}

// copiesLast are rules with the copies behind all others, as they are laid.
func (d Dialect) copiesLast(s Standing, rules []any) []any {
	if len(s.Match) == 0 || rules == nil {
		return rules
	}
	out := make([]any, 0, len(rules))
	are := d.copiesAmong(s, rules)
	for _, copies := range []bool{false, true} {
		for i, rule := range rules {
			if are[i] == copies {
				out = append(out, rule)
			}
		}
	}
	return out
}

// copiesAmong says which of the rules that somebody writes are copies. In a text that nowhere names the canary none is: it is
// its user's own, also where a rule asks for the headers.
func (d Dialect) copiesAmong(s Standing, sent []any) []bool {
	out := make([]bool, len(sent))
	if len(s.Match) == 0 || !slices.ContainsFunc(sent, func(rule any) bool { return d.names(s, rule) }) {
		return out
	}
	for i, rule := range sent {
		out[i] = d.isCopy(s, rule)
	}
	return out
}

func matchesOf(rule any) []any {
	fields, _ := rule.(map[string]any)
	out, _ := fields[matches].([]any)
	return out
}

func headersOf(match map[string]any) []map[string]any { return objectsOf(match, "headers") }

// objectsOf are the objects of a list.
func objectsOf(fields map[string]any, key string) []map[string]any {
	list, _ := fields[key].([]any)
	var out []map[string]any
	for _, entry := range list {
		if object, is := entry.(map[string]any); is {
			out = append(out, object)
		}
	}
	return out
}
