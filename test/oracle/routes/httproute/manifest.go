// Package httproute makes HTTPRoutes, patches of them and changes of texts that were read, from the words of
// a sequence. It is pure.
//
// A manifest says its rules by name, in their order, and what else each has; a change says places:
//
//	apply rule.a=web:3,old:1 timeout.a=5s rule.b=web host=a.example
//	patch-json weight.0.1=7
//	edit append.0=old:5 drop.1=yes
//
// A backend is name, name:weight or name@port:weight; one without a weight has 1, as the API server says.
package httproute

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Object is a route as JSON, with whole numbers as int64.
type Object = map[string]any

const (
	// Name is the route's, that of the Service of production, and of the Helm release that the route belongs to.
	Name = "web"
	// Other is a backend that is not the Deployment's.
	Other = "old"
)

// The keys of words, without what follows the dot.
const (
	rule    = "rule"
	timeout = "timeout"
	header  = "header"
	named   = "name"
	hosts   = "host"
	label   = "meta-label"
	note    = "meta-annotation"
)

// Render is the manifest of these words; one that is a part says nothing of gateways, and no rules where it
// has no words for them.
func Render(words []sequence.Word, part bool) (Object, error) {
	spec := Object{}
	if !part {
		spec["parentRefs"] = []any{Object{"name": "played"}}
	}
	o := Object{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": Object{"name": Name}, "spec": spec}
	var rules []any
	at := map[string]Object{}
	for _, w := range words {
		head, name, _ := strings.Cut(w.Key, ".")
		switch head {
		case rule:
			r, err := newRule(name, w.Value)
			if err != nil {
				return nil, err
			}
			at[name], rules = r, append(rules, r)
		case timeout, header, named:
			if at[name] != nil { // without its rule it says nothing
				ofRule(at[name], head, w)
			}
		default:
			if err := around(o, head, name, w); err != nil {
				return nil, err
			}
		}
	}
	if rules != nil {
		spec["rules"] = rules
	}
	return o, nil
}

// YAML is Render as a file.
func YAML(words []sequence.Word, part bool) ([]byte, error) {
	o, err := Render(words, part)
	if err != nil {
		return nil, err
	}
	return encode(o)
}

// newRule is a rule for the paths below its name.
func newRule(name, backends string) (Object, error) {
	list, err := backendsOf(backends)
	if err != nil {
		return nil, err
	}
	return Object{
		"matches":     []any{Object{"path": Object{"type": "PathPrefix", "value": "/" + name}}},
		"backendRefs": list,
	}, nil
}

func backendsOf(text string) ([]any, error) {
	var out []any
	for _, part := range strings.Split(text, ",") {
		b, err := backendOf(part)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

func backendOf(text string) (Object, error) {
	name, weight, weighed := strings.Cut(text, ":")
	name, port, ported := strings.Cut(name, "@")
	out := Object{"name": name, "port": int64(80)}
	for field, given := range map[string]string{"weight": weight, "port": port} {
		if given == "" {
			continue
		}
		n, err := strconv.ParseInt(given, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read backend %q: %w", text, err)
		}
		out[field] = n
	}
	if name == "" || weighed && weight == "" || ported && port == "" {
		return nil, fmt.Errorf("read backend %q: it is not name@port:weight", text)
	}
	return out, nil
}

// ofRule sets what a rule has beside its backends.
func ofRule(r Object, head string, w sequence.Word) {
	field, value := "timeouts", any(Object{"request": w.Value})
	switch head {
	case header:
		field, value = "filters", []any{Object{"type": "RequestHeaderModifier", "requestHeaderModifier": Object{"set": []any{Object{"name": "x-said", "value": w.Value}}}}}
	case named:
		field, value = "name", w.Value
	}
	if w.Drop {
		delete(r, field)
		return
	}
	r[field] = value
}

// around sets what is not in a rule.
func around(o Object, head, name string, w sequence.Word) error {
	switch head {
	case hosts:
		spec := child(o, "spec")
		if w.Drop {
			delete(spec, "hostnames")
			return nil
		}
		var list []any
		for _, host := range strings.Split(w.Value, ",") {
			list = append(list, host)
		}
		spec["hostnames"] = list
	case label, note:
		field := map[string]string{label: "labels", note: "annotations"}[head]
		if w.Drop {
			delete(child(o, "metadata", field), name)
			return nil
		}
		child(o, "metadata", field)[name] = w.Value
	default:
		return fmt.Errorf("make %q of a route: there is nothing called %q", w, head)
	}
	return nil
}

// child is an object in an object, made where there is none.
func child(o Object, path ...string) Object {
	for _, field := range path {
		next, is := o[field].(Object)
		if !is {
			next = Object{}
			o[field] = next
		}
		o = next
	}
	return o
}

// Rules are those of a route.
func Rules(o Object) []any {
	spec, _ := o["spec"].(Object)
	rules, _ := spec["rules"].([]any)
	return rules
}

// Backends are those of a rule.
func Backends(rule any) []any {
	fields, _ := rule.(Object)
	backends, _ := fields["backendRefs"].([]any)
	return backends
}

// WeightOf is the weight of a backend.
func WeightOf(backend any) int64 {
	fields, _ := backend.(Object)
	if n, is := fields["weight"].(int64); is {
		return n
	}
	return 1
}

// NameOf is the name of a backend.
func NameOf(backend any) string {
	fields, _ := backend.(Object)
	name, _ := fields["name"].(string)
	return name
}

// Reaches says whether a route sends requests to the Service of production, by a gateway that it names.
func Reaches(o Object) bool {
	spec, _ := o["spec"].(Object)
	parents, _ := spec["parentRefs"].([]any)
	return len(parents) > 0 && slices.ContainsFunc(Rules(o), func(rule any) bool {
		return slices.ContainsFunc(Backends(rule), func(b any) bool { return NameOf(b) == Name && WeightOf(b) > 0 })
	})
}

// Decode reads a route, of JSON or YAML.
func Decode(data []byte) (Object, error) {
	plain, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, fmt.Errorf("decode route: %w", err)
	}
	var out Object
	if err := utiljson.Unmarshal(plain, &out); err != nil {
		return nil, fmt.Errorf("decode route: %w", err)
	}
	return out, nil
}

func encode(o Object) ([]byte, error) {
	data, err := yaml.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode route: %w", err)
	}
	return data, nil
}
