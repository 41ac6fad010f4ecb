package route

import (
	"reflect"
	"slices"
	"strings"
)

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

// asStanding is an overlay whose copies are behind all others, also where they are not in the cluster.
func (d Dialect) asStanding(s Standing) Standing {
	if d.matching != nil && d.matching.inOrder {
		s.Laid = d.copiesLast(s, s.Laid)
	}
	return s
}
