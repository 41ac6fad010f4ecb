package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// namespace is the one that the kustomizations install into.
const namespace = "holdfast-system"

// order is that of the fields everyone looks for first; others follow by name.
var order = []string{"apiVersion", "kind", "metadata"}

// template is the text that renders to the first object, or to the second one
// where certificates are issued by cert-manager. Fields that differ stand under
// a condition.
func template(selfManaged, certManager object) (string, error) {
	if certManager == nil {
		return "", errors.New("the overlay cert-manager does not have it")
	}
	var out strings.Builder
	for _, field := range fields(selfManaged, certManager) {
		one, err := encode(part(selfManaged, field))
		if err != nil {
			return "", err
		}
		if !reflect.DeepEqual(selfManaged[field], certManager[field]) {
			other, err := encode(part(certManager, field))
			if err != nil {
				return "", err
			}
			one = "{{- if eq .Values.certificates.mode \"cert-manager\" }}\n" + other + "{{- else }}\n" + one + "{{- end }}\n"
		}
		out.WriteString(one)
	}
	return withValues(out.String()), nil
}

// fields are the names of those that either object has, in their order.
func fields(objects ...object) []string {
	all := map[string]bool{}
	for _, o := range objects {
		for field := range o {
			all[field] = true
		}
	}
	names := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(names, func(a, b string) int { return place(a) - place(b) })
	return names
}

func place(field string) int {
	if i := slices.Index(order, field); i >= 0 {
		return i
	}
	return len(order)
}

// part is the one field of an object, nothing if it has none.
func part(o object, field string) object {
	value, ok := o[field]
	if !ok {
		return object{}
	}
	return object{field: value}
}

// encode is the object in YAML, without fields "nothing" in the way.
func encode(o object) (string, error) {
	if len(o) == 0 {
		return "", nil
	}
	text, err := yaml.Marshal(o)
	if err == nil && o["kind"] != "CustomResourceDefinition" && strings.Contains(string(text), "{{") {
		err = fmt.Errorf("it has a {{, which Helm would take for its own:\n%s", text)
	}
	return string(text), err
}

// excluded is the line after Holdfast's own namespace among those in which
// webhooks are never called.
var excluded = regexp.MustCompile(`(?m)^( *)- kube-system$`)

// withValues puts values in place of what the kustomizations fix.
func withValues(text string) string {
	text = excluded.ReplaceAllString(text, "$1{{- range .Values.excludedNamespaces }}\n$1- {{ . | quote }}\n$1{{- end }}")
	return strings.ReplaceAll(text, namespace, "{{ .Release.Namespace }}")
}
