package route

import (
	"fmt"
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

func (d Dialect) matchesOf(rule any) []any {
	if d.matching == nil {
		return nil
	}
	fields, _ := rule.(map[string]any)
	out, _ := fields[d.matching.matches].([]any)
	return out
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
