package route

import (
	"fmt"
	"reflect"
	"slices"
)

// A canary that has copies of requests has them by a filter, the last of each rule that sends any to the
// production Service: a filter of a rule is before its backends share out the requests, so that what is
// copied has the proportions that the user gave it. Backends and weights stay as they are.

// mirroring is how a kind of route says that requests are copied, with the bounds of its schema.
type mirroring struct {
	// filters is the field of a rule that has its filters, and most how many it may have.
	filters string
	most    int
}

// httpMirroring is HTTPRequestMirrorFilter of HTTPRoute.
var httpMirroring = mirroring{filters: "filters", most: 16}

// filtersOf are the filters of a rule, not to be changed.
func (m *mirroring) filtersOf(rule any) []any {
	fields, _ := rule.(map[string]any)
	out, _ := fields[m.filters].([]any)
	return out
}

// mirror is a rule with the filter, if any of its backends is production's. All percentages but 100 are said:
// a version of the kind that does not know them would copy everything.
func (d Dialect) mirror(o Overlay, rule any) (any, error) {
	backends := d.backendsOf(rule)
	at := d.shared(o, backends)
	if len(at) == 0 {
		return rule, nil
	}
	if d.mirroring == nil {
		return nil, fmt.Errorf("%s: of requests of this kind of route no copies are made; have another traffic.source in the plan", d.backends)
	}
	filters := d.mirroring.filtersOf(rule)
	if n := len(filters); n >= d.mirroring.most {
		return nil, fmt.Errorf("%s: has %d and may have %d, so there is no room for the canary", d.mirroring.filters, n, d.mirroring.most)
	}
	backend, _ := backends[at[0]].(map[string]any)
	ref := map[string]any{"group": "", "kind": "Service", "name": o.Canary}
	if port, says := backend["port"]; says {
		ref["port"] = port
	}
	mirrored := map[string]any{"backendRef": ref}
	if o.Percent < 100 {
		mirrored["percent"] = o.Percent
	}
	fields, _ := rule.(map[string]any)
	out := without(fields, d.mirroring.filters)
	out[d.mirroring.filters] = append(slices.Clone(filters), any(map[string]any{"type": "RequestMirror", "requestMirror": mirrored}))
	return out, nil
}

// mirrorsTo says whether a filter copies requests to the canary.
func (d Dialect) mirrorsTo(s Standing, filter any) bool {
	fields, _ := filter.(map[string]any)
	mirrored, _ := fields["requestMirror"].(map[string]any)
	return d.isService(mirrored["backendRef"], s.Namespace, s.Canary)
}

// isMirrored says whether a rule copies requests to the canary.
func (d Dialect) isMirrored(s Standing, rule any) bool {
	return d.mirroring != nil && slices.ContainsFunc(d.mirroring.filtersOf(rule), func(f any) bool { return d.mirrorsTo(s, f) })
}

// unmirror takes the filter off a rule that was read with it. A list that is left empty is the user's own
// where it was empty there.
func (d Dialect) unmirror(s Standing, rule, user any) any {
	if !d.isMirrored(s, rule) {
		return rule
	}
	kept := slices.DeleteFunc(slices.Clone(d.mirroring.filtersOf(rule)), func(f any) bool { return d.mirrorsTo(s, f) })
	fields, _ := rule.(map[string]any)
	out := without(fields, d.mirroring.filters)
	own, _ := user.(map[string]any)
	switch was, had := own[d.mirroring.filters]; {
	case had && (reflect.DeepEqual(was, any(kept)) || len(kept) == 0 && len(d.mirroring.filtersOf(user)) == 0):
		out[d.mirroring.filters] = was
	case len(kept) > 0:
		out[d.mirroring.filters] = kept
	}
	return out
}

// MirrorsAlready says whether a rule that sends requests to the production Service copies them somewhere by
// its user's wish.
func (d Dialect) MirrorsAlready(o Overlay, rules []any) bool {
	return d.mirroring != nil && slices.ContainsFunc(rules, func(rule any) bool {
		return len(d.shared(o, d.backendsOf(rule))) > 0 && slices.ContainsFunc(d.mirroring.filtersOf(rule), func(f any) bool {
			fields, _ := f.(map[string]any)
			return fields["type"] == "RequestMirror"
		})
	})
}
