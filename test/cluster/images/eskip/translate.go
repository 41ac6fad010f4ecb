package main

import (
	"errors"
	"fmt"
	"strings"
)

// translated is an HTTPRoute in Skipper's words.
type translated struct {
	// lines are its routes, and id what the names of all of them begin with, of this generation alone.
	lines []string
	id    string
	// refused says why it is not followed, and unresolved which of its backends is not there; "" is neither.
	refused, unresolved string
}

// errNotFollowed is for what Skipper might do and this program does not.
var errNotFollowed = errors.New("this gateway of the tests does not follow it")

// translate says a route in eskip. A copy of a request goes through Skipper once more, by the route that asks
// for the secret: no client can ask for it.
func translate(r route, behind endpoints, secret string) translated {
	out := translated{id: fmt.Sprintf("%s_g%d", word(r.namespace+"_"+r.name), r.generation), refused: r.problem}
	for i, rule := range r.spec.Rules {
		for j, m := range rule.Matches {
			lines, err := out.say(fmt.Sprintf("%s_%d_%d", out.id, i, j), r.namespace, m, rule, behind, secret)
			if err != nil && out.refused == "" {
				out.refused = fmt.Sprintf("rule %d: %v", i, err)
			}
			out.lines = append(out.lines, lines...)
		}
	}
	if out.refused != "" {
		out.lines = nil
	}
	return out
}

// say says one match of a rule.
func (t *translated) say(id, namespace string, m match, r rule, behind endpoints, secret string) ([]string, error) {
	if m.Path.Type != "PathPrefix" || len(r.BackendRefs) != 1 {
		return nil, fmt.Errorf("a path that is no prefix, or not one backend: %w", errNotFollowed)
	}
	path := fmt.Sprintf("PathSubtree(%q)", m.Path.Value)
	filters, copies, share := "", "", 0.0
	for _, f := range r.Filters {
		switch {
		case f.URLRewrite != nil && f.URLRewrite.Path.Type == "ReplacePrefixMatch" && f.URLRewrite.Path.ReplacePrefixMatch == "/":
			filters += fmt.Sprintf("modPath(%q, %q) -> ", "^"+m.Path.Value+"/?", "/")
		case f.RequestMirror != nil && copies == "":
			share = 1
			if f.RequestMirror.Percent != nil {
				share = *f.RequestMirror.Percent / 100
			}
			copies = t.to(namespace, f.RequestMirror.BackendRef, behind)
		default:
			return nil, fmt.Errorf("filter %s: %w", f.Type, errNotFollowed)
		}
	}
	to := t.to(namespace, r.BackendRefs[0], behind)
	if copies == "" {
		return []string{fmt.Sprintf("%s: %s -> %s%s;", id, path, filters, to)}, nil
	}
	key := secret + id
	lines := []string{
		fmt.Sprintf("%s: %s && TrafficSegment(0, %g) -> teeLoopback(%q) -> %s%s;", id, path, share, key, filters, to),
		fmt.Sprintf("%s_copies: %s && Tee(%q) && Weight(10) -> %s%s;", id, path, key, filters, copies),
	}
	if share < 1 {
		lines = append(lines, fmt.Sprintf("%s_others: %s && TrafficSegment(%g, 1) -> %s%s;", id, path, share, filters, to))
	}
	return lines, nil
}

// to is where requests to a backend go: to whoever is Ready, or nowhere.
func (t *translated) to(namespace string, b backend, behind endpoints) string {
	addresses, there := behind[endpoint{namespace, b.Name, b.Port}]
	switch {
	case !there:
		t.unresolved = fmt.Sprintf("there is no Service %s with a port %d", b.Name, b.Port)
		return "status(500) -> <shunt>"
	case len(addresses) == 0:
		return "status(503) -> <shunt>"
	}
	return `<roundRobin, "` + strings.Join(addresses, `", "`) + `">`
}

// word is a text of letters that names of routes may have.
func word(text string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(text) }
