// Package labelname knows the names of labels of series: those that PromQL takes as they are, such as
// k8s_pod_name, and those that OpenTelemetry writes, such as k8s.pod.name, which stand in quotes (Prometheus
// 3 on).
package labelname

import (
	"regexp"
	"strconv"
	"strings"
)

var (
	valid = regexp.MustCompile(`^[a-zA-Z_][-a-zA-Z0-9_./]*$`)
	plain = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
)

// Valid says whether a text is a name that Holdfast takes: letters, digits and _, and behind the first of
// them also dots, hyphens and slashes.
func Valid(name string) bool { return valid.MatchString(name) }

// Quoted is a name as it stands in a query: in a selector, or behind by, on and their like.
func Quoted(name string) string {
	if plain.MatchString(name) {
		return name
	}
	return strconv.Quote(name)
}

// List is several of them, as they stand between the parentheses of by (…).
func List(names ...string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = Quoted(name)
	}
	return strings.Join(out, ", ")
}
