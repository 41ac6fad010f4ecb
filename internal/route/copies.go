package route

import (
	"fmt"
	"slices"
	"strings"
)

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
