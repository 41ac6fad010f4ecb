package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"holdfast.dev/holdfast/internal/plaintext"
)

// maxShown is the longest that a value is quoted, in bytes.
const maxShown = 80

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// shape compares a node with the type that it is to be read as: fields that there are not, and values of
// another kind.
func (d document) shape(n *yaml.Node, of reflect.Type, path string) []Finding {
	if of.Kind() == reflect.Pointer {
		if n.Tag == "!!null" {
			return nil
		}
		return d.shape(n, of.Elem(), path)
	}
	if reflect.PointerTo(of).Implements(unmarshaler) {
		return d.value(n, of, path)
	}
	switch of.Kind() {
	case reflect.Struct:
		return d.fields(n, of, path)
	case reflect.Slice:
		if n.Kind != yaml.SequenceNode {
			return d.another(n, path, "a list")
		}
		var out []Finding
		for i, element := range n.Content {
			out = append(out, d.shape(resolve(element), of.Elem(), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return out
	case reflect.Map:
		if n.Kind != yaml.MappingNode {
			return d.another(n, path, "an object")
		}
		var out []Finding
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = append(out, d.shape(resolve(n.Content[i+1]), of.Elem(), fmt.Sprintf("%s[%s]", path, n.Content[i].Value))...)
		}
		return out
	}
	return d.value(n, of, path)
}

func (d document) fields(n *yaml.Node, of reflect.Type, path string) []Finding {
	if n.Kind != yaml.MappingNode {
		if n.Tag == "!!null" {
			return nil
		}
		return d.another(n, path, "an object")
	}
	known := jsonFields(of)
	var out []Finding
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		field, there := known[key.Value]
		if !there {
			out = append(out, d.finding(key, Mistake, at, "there is no such field"+meant(key.Value, known)))
			continue
		}
		out = append(out, d.shape(resolve(n.Content[i+1]), field, at)...)
	}
	return out
}

// value tries to read a scalar as the API server would.
func (d document) value(n *yaml.Node, of reflect.Type, path string) []Finding {
	var plain any
	if err := n.Decode(&plain); err != nil {
		return []Finding{d.finding(n, Mistake, path, err.Error())}
	}
	text, err := json.Marshal(plain)
	if err == nil {
		err = json.Unmarshal(text, reflect.New(of).Interface())
	}
	if err == nil {
		return nil
	}
	return d.another(n, path, kindName(of))
}

func kindName(of reflect.Type) string {
	switch of.Name() {
	case "Duration":
		return `a duration such as "30s" or "1h30m"`
	case "Time":
		return `a time such as "2026-03-01T22:00:00Z"`
	case "IntOrString":
		return `a number, or a share such as "10%"`
	}
	switch of.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text; put quotes around it"
	case reflect.Int32, reflect.Int64, reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	}
	return "of another kind"
}

func (d document) another(n *yaml.Node, path, wanted string) []Finding {
	got := "an object"
	switch n.Kind {
	case yaml.ScalarNode:
		got = fmt.Sprintf("%q", plaintext.Cut(n.Value, maxShown))
	case yaml.SequenceNode:
		got = "a list"
	}
	return []Finding{d.finding(n, Mistake, path, fmt.Sprintf("is %s; it must be %s", got, wanted))}
}

func (d document) finding(n *yaml.Node, severity Severity, field, message string) Finding {
	line, column := d.at(n)
	return Finding{line, column, severity, field, message}
}

// jsonFields are the fields of a struct by their names in JSON, those of embedded structs among them.
func jsonFields(of reflect.Type) map[string]reflect.Type {
	out := map[string]reflect.Type{}
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			for name, field := range jsonFields(f.Type) {
				out[name] = field
			}
		case name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}

// meant names the field that is likely meant, if one is written nearly so.
func meant(written string, known map[string]reflect.Type) string {
	var names []string
	for name := range known {
		if strings.EqualFold(name, written) || distance(strings.ToLower(name), strings.ToLower(written)) <= 2 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; did you mean " + names[0] + "?"
}

// distance is how many letters must be added, left out or changed to make one word of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
