package route

import "slices"

// Dialect is how a kind of route says where requests go.
type Dialect struct {
	// Rules is the field of the spec that has the rules, a list that is owned as a whole.
	Rules string
	// backends is the field of a rule that has its backends.
	backends string
	// mostRules is how many rules a route may have that is looked at, and mostBackends how many backends a rule
	// may have. mostWeight is the largest weight of a backend, mostTogether that of all of a rule.
	mostRules, mostBackends  int
	mostWeight, mostTogether int64
	// matching is how it says which requests a rule is for, nil where no match is laid over it.
	matching *matching
	// mirroring is how it says that requests are copied, nil where none are.
	mirroring *mirroring
	grammar
}

// grammar is how a backend says what it is.
type grammar interface {
	// serviceOf is the Service that a backend is, "" where it is none of the namespace of its route, and which
	// part of it, "" for all.
	serviceOf(backend map[string]any, namespace string) (name, part string)
	// naming is a copy of a backend that is another Service of the same namespace, all of it.
	naming(backend map[string]any, name string) map[string]any
	// weigh is the weight of a backend that says this one, or nil for none, and is one of so many in its rule.
	weigh(says any, of int) int64
}

// DialectOf is that of a kind, and whether there is one.
func DialectOf(group, kind string) (Dialect, bool) {
	switch {
	case group == "gateway.networking.k8s.io" && kind == "HTTPRoute":
		return gatewayAPI, true
	case group == "gateway.networking.k8s.io" && kind == "GRPCRoute":
		return grpcAPI, true
	case group == "networking.istio.io" && kind == "VirtualService":
		return virtualService, true
	}
	return Dialect{}, false
}

// RulesOf are the rules of a route, not to be changed; nil where it has none.
func (d Dialect) RulesOf(object map[string]any) []any {
	spec, _ := object["spec"].(map[string]any)
	rules, _ := spec[d.Rules].([]any)
	return rules
}

// backendsOf are the backends of a rule, not to be changed.
func (d Dialect) backendsOf(rule any) []any {
	fields, _ := rule.(map[string]any)
	backends, _ := fields[d.backends].([]any)
	return backends
}

// most is how many backends a rule may have that is looked at. What is looked at costs their square.
const most = 64

// TooMany says whether there are so many rules, or backends of one, that the route is not looked at. No share
// is laid over it: either the API server refuses such a route, or Lay does.
func (d Dialect) TooMany(rules []any) bool {
	return len(rules) > d.mostRules || slices.ContainsFunc(rules, func(rule any) bool { return len(d.backendsOf(rule)) > most })
}

// withBackends is a rule with other backends.
func (d Dialect) withBackends(rule any, backends []any) map[string]any {
	fields, _ := rule.(map[string]any)
	out := without(fields, d.backends)
	out[d.backends] = backends
	return out
}

// isService says whether a backend is the Service of this name in the namespace of its route, or a part of
// it.
func (d Dialect) isService(backend any, namespace, name string) bool {
	ref, _ := backend.(map[string]any)
	is, _ := d.serviceOf(ref, namespace)
	return is != "" && is == name
}

// isProduction says whether a backend is the production Service, or a part of it in which pods of the
// Deployment are.
func (d Dialect) isProduction(o Overlay, backend any) bool {
	ref, _ := backend.(map[string]any)
	_, part := d.serviceOf(ref, o.Namespace)
	return d.isService(backend, o.Namespace, o.Service) && (part == "" || slices.Contains(o.Parts, part))
}

// renamed is a copy of a backend that is another Service of the same namespace.
func (d Dialect) renamed(backend any, name string, weight int64) map[string]any {
	ref, _ := backend.(map[string]any)
	out := d.naming(without(ref, "weight"), name)
	out["weight"] = weight
	return out
}

// weightOf is the weight of a backend that is one of so many in its rule.
func (d Dialect) weightOf(backend any, of int) int64 {
	ref, _ := backend.(map[string]any)
	return d.weigh(ref["weight"], of)
}

// number is a weight that a backend says, or the usual one where it says none.
func number(says any, usual int64) int64 {
	switch weight := says.(type) {
	case int64:
		return max(weight, 0)
	case float64:
		return max(int64(weight), 0)
	}
	return usual
}

// withWeight is a copy of a backend with another weight.
func (d Dialect) withWeight(backend any, weight int64) map[string]any {
	ref, _ := backend.(map[string]any)
	out := without(ref, "weight")
	out["weight"] = weight
	return out
}

func textOr(fields map[string]any, key, otherwise string) string {
	if text, ok := fields[key].(string); ok {
		return text
	}
	return otherwise
}

// without is a copy of an object, one level deep, without a field.
func without(fields map[string]any, drop string) map[string]any {
	out := make(map[string]any, len(fields))
	for key, value := range fields {
		if key != drop {
			out[key] = value
		}
	}
	return out
}
