package route

import (
	"slices"
	"strings"
)

// Which rules must be copied with those that send requests to the production Service follows from how the
// Gateway API says which rule a request takes (HTTPRouteRule.matches and GRPCRouteRule.matches of
// gateway.networking.k8s.io/v1): by path and method, then by the number of headers, then by that of query
// parameters, then by the order of the rules. Copies ask for so many headers more each, so among themselves
// they come in the order of what they are made of; and a rule without a copy never comes before one that has
// one by headers or less.

// copied are the places of the rules that have a copy, in their order.
func (d Dialect) copied(o Overlay, rules []any) []int {
	var out []int
	for i, rule := range rules {
		if len(d.shared(o, d.backendsOf(rule))) > 0 {
			out = append(out, i)
		}
	}
	if d.matching.inOrder {
		return out
	}
	for next := 0; next < len(out); next++ { // it grows meanwhile
		for i := range rules {
			if !slices.Contains(out, i) && d.mayComeBefore(rules, i, out[next]) {
				out = append(out, i)
			}
		}
	}
	slices.Sort(out)
	return out
}

// mayComeBefore says whether a request may take rule a that fits rule b too, because of headers or what
// weighs less.
func (d Dialect) mayComeBefore(rules []any, a, b int) bool {
	for _, of := range d.whatItAsks(rules[a]) {
		for _, other := range d.whatItAsks(rules[b]) {
			if d.matching.asksAsMuch(of, other) && !exclude(of, other) && comesBefore(of, other, a < b) {
				return true
			}
		}
	}
	return false
}

func (d Dialect) whatItAsks(rule any) []map[string]any {
	fields, _ := rule.(map[string]any)
	if out := objectsOf(fields, d.matching.matches); len(out) > 0 {
		return out
	}
	return []map[string]any{d.matching.nothing()}
}

// comesBefore compares what weighs less than path and method. Which of two a gateway takes first where the
// path of one is a regular expression is its own affair, and so it seems to be of two methods of gRPC.
func comesBefore(a, b map[string]any, first bool) bool {
	if !sameCalls(a, b) {
		return true
	}
	for _, key := range []string{"headers", "queryParams"} {
		if n, m := len(objectsOf(a, key)), len(objectsOf(b, key)); n != m {
			return n > m || isPattern(a) || isPattern(b)
		}
	}
	return first || isPattern(a) || isPattern(b)
}

// isPattern says whether the path of a match, or its method of gRPC, is no plain text.
func isPattern(match map[string]any) bool {
	path, _ := match["path"].(map[string]any)
	method, _ := match["method"].(map[string]any)
	return !slices.Contains([]string{exact, "PathPrefix"}, textOr(path, "type", "PathPrefix")) || textOr(method, "type", exact) != exact
}

// exclude says whether no request fits both of two matches, for they want another value of one header or
// parameter.
func exclude(a, b map[string]any) bool {
	return slices.ContainsFunc([]string{"headers", "queryParams"}, func(key string) bool {
		return slices.ContainsFunc(objectsOf(a, key), func(of map[string]any) bool {
			return slices.ContainsFunc(objectsOf(b, key), func(other map[string]any) bool {
				name, same := textOr(of, "name", ""), textOr(other, "name", "")
				return (name == same || key == "headers" && strings.EqualFold(name, same)) &&
					textOr(of, "type", exact) == exact && textOr(other, "type", exact) == exact && textOr(of, "value", "") != textOr(other, "value", "")
			})
		})
	})
}

// asksAsMuchHTTP: an exact path comes before a prefix, a longer prefix before a shorter one, and a match with
// a method before one without. Two paths that fit one request and are of one kind and length are the same.
func asksAsMuchHTTP(a, b map[string]any) bool {
	if textOr(a, "method", "") != textOr(b, "method", "") {
		return false
	}
	if isPattern(a) || isPattern(b) {
		return true
	}
	path, other := pathOf(a), pathOf(b)
	return path == other
}

type path struct{ kind, value string }

// pathOf is the path of a match that is no pattern.
func pathOf(match map[string]any) path {
	fields, _ := match["path"].(map[string]any)
	out := path{textOr(fields, "type", "PathPrefix"), textOr(fields, "value", "/")}
	if out.kind == "PathPrefix" {
		out.value = strings.TrimSuffix(out.value, "/") // which says no more
	}
	return out
}

// asksAsMuchGRPC: the longer service comes first, then the longer method, and both before headers. But
// Traefik 3.6 goes by the length of the rule that it makes of a match, headers and all; so two that may fit
// one call are taken to ask for as much.
func asksAsMuchGRPC(a, b map[string]any) bool {
	if isPattern(a) || isPattern(b) {
		return true
	}
	of, _ := a["method"].(map[string]any)
	other, _ := b["method"].(map[string]any)
	for _, key := range []string{"service", "method"} {
		if one, two := textOr(of, key, ""), textOr(other, key, ""); one != two && one != "" && two != "" {
			return false
		}
	}
	return true
}

// sameCalls says whether two matches name the same service and method of gRPC, or neither does.
func sameCalls(a, b map[string]any) bool {
	of, _ := a["method"].(map[string]any)
	other, _ := b["method"].(map[string]any)
	return textOr(of, "service", "") == textOr(other, "service", "") && textOr(of, "method", "") == textOr(other, "method", "")
}
