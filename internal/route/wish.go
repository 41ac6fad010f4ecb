package route

import (
	"reflect"
	"slices"
)

// Way is how the rules of a request were read.
type Way string

// The ways, in the order in which they are tried.
const (
	// WayUnchanged: the rules are those that stand, so the user's wish is what it was.
	WayUnchanged Way = "Unchanged"
	// WayOwn: they are the user's own text, which knows of no canary: they are the wish.
	WayOwn Way = "Own"
	// WayDifference: they were read with the overlay on them, changed and written back.
	// The wish is what it was, with that change.
	WayDifference Way = "Difference"
)

// Standing is the overlay as it stands on a route: what the user asked for, and what that became.
type Standing struct {
	Overlay
	// User are the rules as the user asked for them, Laid those in the cluster: these in their order, then the
	// copies for requests that match.
	User, Laid []any
}

// StandingOn is the overlay of a record on the rules that are in the cluster. Where these are not what
// was laid, somebody wrote while no webhook was there to answer, and the user wants what came of that.
func (d Dialect) StandingOn(namespace string, record Record, stored []any) (Standing, error) {
	s := Standing{Overlay: record.Overlay(namespace), User: record.Rules}
	var err error
	if s.Laid, err = d.Lay(s.Overlay, s.User); err != nil {
		return s, err
	}
	s = d.asStanding(s)
	laid := d.copiesLast(s, stored)
	s.User, _ = d.Wish(s, Author{}, stored)
	s.Laid = laid
	return s, nil
}

// IsLaid says whether the overlay of a record is on the rules that are in the cluster: each sends requests to
// the canary that would. Somebody may have written the user's own rules while no webhook was there to answer,
// and left the record.
func (d Dialect) IsLaid(namespace string, record Record, stored []any) bool {
	s := Standing{Overlay: record.Overlay(namespace)}
	laid, err := d.Lay(s.Overlay, record.Rules)
	return err == nil && slices.EqualFunc(laid, stored, func(a, b any) bool { return d.names(s, a) == d.names(s, b) })
}

// Author is what is known of who writes rules.
type Author struct {
	// Blind says that a weight which changes was said without a look at the others, as
	// kubectl patch does: it is one of the user's weights. Otherwise its writer has seen the
	// weights that stand in the cluster, and it is one of those.
	Blind bool
}

// Wish is which rules a user wants who writes these while the overlay is laid. Nobody has to say how
// they came about, for they show it: the Service of the canary has a name that no text of the user's has. A
// rule that names it was read with the overlay on it, one that does not is the user's own.
func (d Dialect) Wish(s Standing, w Author, sent []any) ([]any, Way) {
	s = d.asStanding(s)
	if d.matching != nil && d.matching.inOrder && !d.TooMany(sent) {
		sent = d.copiesLast(s, sent)
	}
	if reflect.DeepEqual(sent, s.Laid) {
		return s.User, WayUnchanged
	}
	way := WayOwn
	if sent == nil || d.TooMany(sent) {
		return sent, way
	}
	out := make([]any, 0, len(sent))
	copies := d.copiesAmong(s, sent)
	for i, rule := range sent {
		switch {
		case copies[i]:
			way = WayDifference
		case d.names(s, rule):
			out, way = append(out, d.undo(s, w, rule, d.baseOf(s, rule, len(out)))), WayDifference
		default:
			out = append(out, rule)
		}
	}
	return out, way
}

// names says whether a rule sends requests to the canary, or copies of them.
func (d Dialect) names(s Standing, rule any) bool {
	return d.isMirrored(s, rule) || slices.ContainsFunc(d.backendsOf(rule), func(b any) bool { return d.isService(b, s.Namespace, s.Canary) })
}

func (d Dialect) withoutCanary(s Standing, backends []any) []any {
	return slices.DeleteFunc(slices.Clone(backends), func(b any) bool { return d.isService(b, s.Namespace, s.Canary) })
}

// baseOf is which of the rules in the cluster a rule was made from that names the canary and is sent in this
// place; -1 where none is found. It is the one that is equal; else the one of its name; else the one that is
// equal but for the backends; else the one for the same requests; else one that has the same backends; else
// the one in its place. Among several, the one in its place comes first.
func (d Dialect) baseOf(s Standing, rule any, place int) int {
	rest := func(rule any) map[string]any {
		fields, _ := rule.(map[string]any)
		return without(fields, d.backends)
	}
	name, matches := textOr(rest(rule), "name", ""), d.matchesOf(rule)
	for _, like := range []func(i int) bool{
		func(i int) bool { return reflect.DeepEqual(s.Laid[i], rule) },
		func(i int) bool { return name != "" && textOr(rest(s.Laid[i]), "name", "") == name },
		func(i int) bool { return reflect.DeepEqual(rest(s.Laid[i]), rest(rule)) },
		func(i int) bool { return len(matches) > 0 && reflect.DeepEqual(d.matchesOf(s.Laid[i]), matches) },
		func(i int) bool { return reflect.DeepEqual(d.backendsOf(s.Laid[i]), d.backendsOf(rule)) },
		func(i int) bool { return i == place },
	} {
		found := -1
		for i := range min(len(s.Laid), len(s.User)) {
			if d.names(s, s.Laid[i]) && like(i) && (found < 0 || i == place) {
				found = i
			}
		}
		if found >= 0 {
			return found
		}
	}
	return -1
}

// undo takes the overlay off a rule that was read with it.
func (d Dialect) undo(s Standing, w Author, rule any, base int) any {
	var laid, user []any
	if base >= 0 {
		if reflect.DeepEqual(rule, s.Laid[base]) {
			return s.User[base]
		}
		laid, user = d.backendsOf(s.Laid[base]), d.backendsOf(s.User[base])
		rule = d.unmirror(s, rule, s.User[base])
	} else {
		rule = d.unmirror(s, rule, nil)
	}
	sent := d.backendsOf(rule)
	if !slices.ContainsFunc(sent, func(b any) bool { return d.isService(b, s.Namespace, s.Canary) }) && s.Mirror {
		return rule // its backends are as their user has them
	}
	if reflect.DeepEqual(sent, laid) {
		return d.withBackends(rule, user)
	}
	return d.withBackends(rule, d.undoBackends(s, w, sent, laid, user))
}

// undoBackends takes the canary out of the backends of a rule. Where every weight is the one that
// stands in the cluster, each backend is the user's own again. Where one is not, whoever wrote it has
// seen the weights of the cluster, so all are taken as they stand there, the
// canary's given back to the backends that gave it; or was blind, and that one is taken as it is.
func (d Dialect) undoBackends(s Standing, w Author, sent, laid, user []any) []any {
	kept := d.withoutCanary(s, sent)
	from := d.match(kept, laid[:min(len(laid), len(user))])
	asLaid := func(i int) bool {
		return from[i] >= 0 && d.weightOf(kept[i], len(sent)) == d.weightOf(laid[from[i]], len(laid))
	}
	all := true
	for i := range kept {
		all = all && asLaid(i)
	}
	out := make([]any, len(kept))
	taken := make([]bool, len(sent))
	for i, backend := range kept {
		switch {
		case asLaid(i) && (all || w.Blind):
			out[i] = user[from[i]]
		case w.Blind:
			out[i] = backend
		default:
			out[i] = backend
			if from[i] < 0 && len(laid) > 0 || from[i] >= 0 && d.weightOf(user[from[i]], len(user)) == 0 {
				continue // it was not there, or had nothing to give
			}
			if given := d.given(s, backend, sent, taken); given > 0 {
				out[i] = d.withWeight(backend, min(d.weightOf(backend, len(sent))+given, d.mostWeight))
			}
		}
	}
	return out
}

// given is the weight that a backend has given to the canary: that of its copy. Which are the copies of
// others is in taken.
func (d Dialect) given(s Standing, backend any, sent []any, taken []bool) int64 {
	if !d.isProduction(s.Overlay, backend) {
		return 0
	}
	copied := d.renamed(backend, s.Canary, 0)
	for i, b := range sent {
		if !taken[i] && d.isService(b, s.Namespace, s.Canary) && reflect.DeepEqual(d.withWeight(b, 0), copied) {
			taken[i] = true
			return d.weightOf(b, len(sent))
		}
	}
	return 0
}
