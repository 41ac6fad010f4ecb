package check

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/manifests/generated/crd"
)

// schema is the part of a schema of the API server that is looked at here: what one field alone must be. What
// its rules (x-kubernetes-validations) say of several fields is checked by package query.
type schema struct {
	Properties           map[string]*schema
	Items                *schema
	AdditionalProperties *schema
	Required             []string
	Enum                 []any
	Minimum, Maximum     *float64
	MinLength, MaxLength *int
	MinItems, MaxItems   *int
	Pattern              string
	// Share: a number of pods, or a share of them. It is what all fields of plans are that take either; the rule
	// that bounds them is in another language than the rest of the schema.
	Share bool `json:"x-kubernetes-int-or-string"`
}

// planSchema is that of CanaryPlans.
var planSchema = sync.OnceValues(func() (*schema, error) {
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct{ OpenAPIV3Schema *schema }
			}
		}
	}
	if err := sigsyaml.Unmarshal(crd.CanaryPlans, &definition); err != nil {
		return nil, fmt.Errorf("read the schema of CanaryPlans: %w", err)
	}
	return definition.Spec.Versions[0].Schema.OpenAPIV3Schema, nil
})

// limits compares a node that has the right shape with what a schema says of its values.
func (d document) limits(n *yaml.Node, s *schema, path string) []Finding {
	if s == nil || n.Tag == "!!null" {
		return nil
	}
	var out []Finding
	add := func(format string, args ...any) {
		out = append(out, d.finding(n, Mistake, path, fmt.Sprintf(format, args...)))
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			property := s.Properties[name]
			if property == nil {
				property = s.AdditionalProperties
			}
			out = append(out, d.limits(resolve(n.Content[i+1]), property, strings.TrimPrefix(path+"."+name, "."))...)
		}
		for _, name := range s.Required {
			if _, value := child(n, name); value == nil {
				add("%s is missing", name)
			}
		}
	case yaml.SequenceNode:
		for i, element := range n.Content {
			out = append(out, d.limits(resolve(element), s.Items, fmt.Sprintf("%s[%d]", path, i))...)
		}
		if count := len(n.Content); s.MaxItems != nil && count > *s.MaxItems || s.MinItems != nil && count < *s.MinItems {
			add("has %d entries; there must be %s", count, between(s.MinItems, s.MaxItems))
		}
	case yaml.ScalarNode:
		d.scalar(n, s, add)
	}
	return out
}

func (d document) scalar(n *yaml.Node, s *schema, add func(string, ...any)) {
	shown := plaintext.Cut(n.Value, maxShown)
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(v any) bool { return fmt.Sprint(v) == n.Value }) {
		known := make([]string, 0, len(s.Enum))
		for _, v := range s.Enum {
			known = append(known, fmt.Sprint(v))
		}
		add("is %q; it must be one of %s", shown, strings.Join(known, ", "))
		return
	}
	if s.Share && !share.MatchString(n.Value) {
		add("is %q; it must be a number from 1 to 1000, or a share from 1%% to 100%%", shown)
		return
	}
	var number float64
	if (s.Minimum != nil || s.Maximum != nil) && n.Decode(&number) == nil {
		if s.Minimum != nil && number < *s.Minimum || s.Maximum != nil && number > *s.Maximum {
			add("is %s; it must be %s", shown, between(s.Minimum, s.Maximum))
		}
	}
	if n.Tag != "!!str" {
		return
	}
	length := utf8.RuneCountInString(n.Value)
	if s.MinLength != nil && length < *s.MinLength || s.MaxLength != nil && length > *s.MaxLength {
		add("has %d characters; there must be %s", length, between(s.MinLength, s.MaxLength))
	}
	if s.Pattern != "" {
		if form, err := regexp.Compile(s.Pattern); err == nil && !form.MatchString(n.Value) {
			add("is %q; it must match %s", shown, s.Pattern)
		}
	}
}

// share is a number of pods or a share of them, as the rule of the schema has it.
var share = regexp.MustCompile(`^([1-9][0-9]{0,2}|1000|([1-9][0-9]?|100)%)$`)

// between says what lies between two ends, either of which may be open.
func between[T cmp.Ordered](low, high *T) string {
	switch {
	case low == nil:
		return fmt.Sprintf("at most %v", *high)
	case high == nil:
		return fmt.Sprintf("at least %v", *low)
	}
	return fmt.Sprintf("%v to %v", *low, *high)
}
