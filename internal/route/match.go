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

// Requests that match go to the canary by rules of their own, copies: each is one of the user's with the
// headers in each of its matches, whose backends that are the production Service are the canary's. Which of
// several rules a request takes the Gateway API says by how much each asks for, so a copy is before what it
// is made of wherever it stands. They stand behind all others: where a rule is in its list stays true, so
// that a JSON patch by an index reaches what its writer means.
//
// Headers weigh more than order, and more than other headers. So a rule that sends requests elsewhere, and
// that comes before one of production's by headers alone, is copied too (see precedence.go).
//
// Istio takes the first rule that fits. There each copy stands right before what it is made of, and none but
// those of rules that send requests to production: whatever comes before one comes before its copy. Here and
// in Standing they are behind all others all the same; interleave puts them where they belong.

// matching is how a kind of route says which requests a rule is for.
type matching struct {
	// matches is the field of a rule that has its matches.
	matches string
	// inOrder says that of several rules that fit the first is taken.
	inOrder bool
	// mostRules is how many rules a route may have, mostMatches how many matches a rule, mostInAll how many all
	// rules together, and mostHeaders how many headers a match.
	mostRules, mostMatches, mostInAll, mostHeaders int
	// nothing is a match that asks for nothing, as the API server stores it.
	nothing func() map[string]any
	// asksAsMuch says whether it may be that nothing but headers and what weighs less than headers decides which
	// of two matches a request takes that fits both. It is nil where the order decides.
	asksAsMuch func(a, b map[string]any) bool
	headers
}

// headers is how a match says which headers a request must have.
type headers interface {
	// asked are the headers that a match asks for, with another type where it asks otherwise than a plan can.
	asked(match map[string]any) []Header
	// asking is a copy of a match that asks for more headers.
	asking(match map[string]any, more []Header) map[string]any
	// cannot says why no match of this kind can ask for a header, nil if one can.
	cannot(h Header) error
}

// httpMatching is that of HTTPRoute, with the bounds of its schema.
var httpMatching = matching{
	matches: "matches", mostRules: 16, mostMatches: 64, mostInAll: 128, mostHeaders: 16, headers: headerMatches{},
	nothing: func() map[string]any {
		return map[string]any{"path": map[string]any{"type": "PathPrefix", "value": "/"}}
	},
	asksAsMuch: asksAsMuchHTTP,
}

// grpcMatching is that of GRPCRoute.
var grpcMatching = matching{
	matches: "matches", mostRules: 16, mostMatches: 64, mostInAll: 128, mostHeaders: 16, headers: headerMatches{},
	nothing:    func() map[string]any { return map[string]any{} },
	asksAsMuch: asksAsMuchGRPC,
}

// copies are the rules for the requests that match, by the places of those that they are made of.
func (d Dialect) copies(o Overlay, rules []any) (map[int]any, error) {
	if len(o.Match) == 0 {
		return nil, nil
	}
	if d.matching == nil {
		return nil, fmt.Errorf("spec.%s: matches of this kind of route are not known: have no match in the plan", d.Rules)
	}
	for _, h := range o.Match {
		if err := d.matching.cannot(h); err != nil {
			return nil, err
		}
	}
	out, n := map[int]any{}, 0
	for _, i := range d.copied(o, rules) {
		rule, err := d.copyOf(o, rules[i])
		if err != nil {
			return nil, fmt.Errorf("spec.%s[%d].%w", d.Rules, i, err)
		}
		if rule != nil {
			out[i] = rule
			n += len(d.matchesOf(rule))
		}
	}
	if len(rules)+len(out) > d.matching.mostRules {
		return nil, fmt.Errorf("spec.%s: has %d rules, takes %d more for the requests that match, and may have %d: there is no room; make two routes of it",
			d.Rules, len(rules), len(out), d.matching.mostRules)
	}
	for _, rule := range rules {
		n += len(d.matchesOf(rule))
	}
	if n > d.matching.mostInAll {
		return nil, fmt.Errorf("spec.%s: would have %d matches with those for the requests that match, and may have %d: there is no room; make two routes of it", d.Rules, n, d.matching.mostInAll)
	}
	return out, nil
}

// interleave puts copies where they belong among the rules that they are made of.
func (d Dialect) interleave(rules []any, copies map[int]any) []any {
	if len(copies) == 0 {
		return rules
	}
	out := make([]any, 0, len(rules)+len(copies))
	for i, rule := range rules {
		if made, has := copies[i]; has && d.matching.inOrder {
			out = append(out, made)
		}
		out = append(out, rule)
	}
	for i := range rules {
		if made, has := copies[i]; has && !d.matching.inOrder {
			out = append(out, made)
		}
	}
	return out
}

// copyOf is the copy of a rule, nil where no request that fits the rule has the headers.
func (d Dialect) copyOf(o Overlay, rule any) (any, error) {
	own := d.matchesOf(rule)
	if len(own) == 0 {
		own = []any{d.matching.nothing()}
	}
	var asked []any
	for i, m := range own {
		match, err := d.withHeaders(o, m)
		if err != nil {
			return nil, fmt.Errorf("%s[%d].headers: %w", d.matching.matches, i, err)
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
		if d.isProduction(o, b) {
			backends[i] = d.renamed(b, o.Canary, d.weightOf(b, len(backends)))
		}
	}
	fields, _ := rule.(map[string]any)
	out := without(fields, "name") // no two rules have one
	out[d.matching.matches] = asked
	if len(backends) > 0 {
		out[d.backends] = backends
	}
	return out, nil
}

// withHeaders is a match that asks for the headers too, nil where no request fits both.
func (d Dialect) withHeaders(o Overlay, match any) (any, error) {
	fields, _ := match.(map[string]any)
	asked := d.matching.asked(fields)
	for _, h := range o.Match {
		for _, own := range asked {
			if !strings.EqualFold(own.Name, h.Name) {
				continue
			}
			if h.Type != exact || own.Type != exact {
				return nil, fmt.Errorf("asks for header %s, and so does match of the plan: both cannot be asked for at once; choose another header in the plan", h.Name)
			}
			if own.Value != h.Value {
				return nil, nil
			}
			return nil, fmt.Errorf("asks for %s: %s, as match of the plan does: these requests go where this rule sends them already; choose another header in the plan", h.Name, h.Value)
		}
	}
	if n := len(asked) + len(o.Match); n > d.matching.mostHeaders {
		return nil, fmt.Errorf("has %d headers, takes %d more for match of the plan, and may have %d", len(asked), len(o.Match), d.matching.mostHeaders)
	}
	out := d.matching.asking(fields, o.Match)
	for key, value := range d.matching.nothing() {
		if _, said := out[key]; !said {
			out[key] = value
		}
	}
	return out, nil
}

// isCopy says whether a rule is one of the copies, as it was laid or with a change to it. The change is lost:
// its writer has another rule to make it to. None sends anything to the production Service; and no rule of a
// user asks for the headers, or nothing is laid over it.
func (d Dialect) isCopy(s Standing, rule any) bool {
	if slices.ContainsFunc(d.backendsOf(rule), func(b any) bool { return d.isProduction(s.Overlay, b) }) {
		return false
	}
	if !d.names(s, rule) { // it may be of one that sends requests elsewhere
		return !d.matching.inOrder && d.asksFor(s.Match, rule) && slices.ContainsFunc(s.Laid[min(len(s.User), len(s.Laid)):], func(laid any) bool {
			return reflect.DeepEqual(d.matchesOf(laid), d.matchesOf(rule))
		})
	}
	return d.asksFor(s.Match, rule) || d.baseOf(s, rule, -1) < 0
}

// asksFor says whether each match of a rule asks for the headers.
func (d Dialect) asksFor(match []Header, rule any) bool {
	all := d.matchesOf(rule)
	return len(all) > 0 && !slices.ContainsFunc(all, func(m any) bool {
		fields, _ := m.(map[string]any)
		return slices.ContainsFunc(match, func(h Header) bool {
			return !slices.ContainsFunc(d.matching.asked(fields), func(own Header) bool {
				return strings.EqualFold(own.Name, h.Name) && own.Type == h.Type && own.Value == h.Value
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

// copiesAmong says which of the rules that somebody writes are copies. In a text that nowhere names the
// canary none is: it is its user's own, also where a rule asks for the headers.
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

func (d Dialect) matchesOf(rule any) []any {
	fields, _ := rule.(map[string]any)
	out, _ := fields[d.matching.matches].([]any)
	return out
}

// asStanding is an overlay whose copies are behind all others, also where they are not in the cluster.
func (d Dialect) asStanding(s Standing) Standing {
	if d.matching != nil && d.matching.inOrder {
		s.Laid = d.copiesLast(s, s.Laid)
	}
	return s
}

// headerMatches are those of the Gateway API: objects of name, type and value.
type headerMatches struct{}

func (headerMatches) asked(match map[string]any) []Header {
	var out []Header
	for _, h := range objectsOf(match, "headers") {
		out = append(out, Header{textOr(h, "name", ""), textOr(h, "type", exact), textOr(h, "value", "")})
	}
	return out
}

func (headerMatches) asking(match map[string]any, more []Header) map[string]any {
	all, _ := match["headers"].([]any)
	all = slices.Clone(all)
	for _, h := range more {
		all = append(all, map[string]any{"name": h.Name, "type": h.Type, "value": h.Value})
	}
	out := without(match, "headers")
	out["headers"] = all
	return out
}

func (headerMatches) cannot(Header) error { return nil }

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
