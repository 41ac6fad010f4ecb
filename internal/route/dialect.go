package route

import "slices"

// Dialect is how a kind of route says where requests go.
type Dialect struct {
	// Rules is the field of the spec that has the rules, a list that is owned as a whole.
	Rules string
	// backends is the field of a rule that has its backends.
	backends string
	// mostBackends is how many a rule may have, mostWeight the largest weight of one.
	mostBackends int
	mostWeight   int64
}

// gatewayAPI is the dialect of HTTPRoute and GRPCRoute: BackendRef of
// gateway.networking.k8s.io/v1, with the bounds of its schema.
var gatewayAPI = Dialect{Rules: "rules", backends: "backendRefs", mostBackends: 16, mostWeight: 1_000_000}

// DialectOf is that of a kind, and whether there is one.
func DialectOf(group, kind string) (Dialect, bool) {
	if group == "gateway.networking.k8s.io" && (kind == "HTTPRoute" || kind == "GRPCRoute") {
		return gatewayAPI, true
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

// most is how many rules a route may have that is looked at, and backends a rule: more than the API server takes, which
// says so to whoever sent them. What is looked at costs their square.
const most = 64

// TooMany says whether there are so many rules, or backends of one, that no API server takes the route.
func (d Dialect) TooMany(rules []any) bool {
	return len(rules) > most || slices.ContainsFunc(rules, func(rule any) bool { return len(d.backendsOf(rule)) > most })
}

// withBackends is a rule with other backends.
func (d Dialect) withBackends(rule any, backends []any) map[string]any {
	fields, _ := rule.(map[string]any)
	out := without(fields, d.backends)
	out[d.backends] = backends
	return out
}

// isService says whether a backend is the Service of this name in the namespace of its route.
func (d Dialect) isService(backend any, namespace, name string) bool {
	ref, _ := backend.(map[string]any)
	own, _ := ref["namespace"].(string)
	return textOr(ref, "group", "") == "" && textOr(ref, "kind", "Service") == "Service" &&
		textOr(ref, "name", "") == name && (own == "" || own == namespace)
}

// renamed is a copy of a backend that is another Service of the same namespace.
func (d Dialect) renamed(backend any, name string, weight int64) map[string]any {
	ref, _ := backend.(map[string]any)
	out := without(ref, "weight")
	out["name"], out["weight"] = name, weight
	return out
}

// weightOf is the weight of a backend; one that says none has 1.
func (d Dialect) weightOf(backend any) int64 {
	ref, _ := backend.(map[string]any)
	switch weight := ref["weight"].(type) {
	case int64:
		return max(weight, 0)
	case float64:
		return max(int64(weight), 0)
	}
	return 1
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
