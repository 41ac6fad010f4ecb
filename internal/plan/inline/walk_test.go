package inline

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"testing"
	"unicode/utf8"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// schemaOfPlans is that of spec.plan in the CustomResourceDefinition of runs.
func schemaOfPlans(t testing.TB) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	text, err := os.ReadFile("../../../manifests/generated/crd/holdfast.dev_canaryruns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["plan"]
}

// refusals are what the API server would say of a plan, in short: of everything in
// its schema but the rules in CEL, which only a cluster evaluates.
func refusals(t testing.TB, schema apiextensionsv1.JSONSchemaProps, spec *v1alpha1.CanaryPlanSpec) []string {
	t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	var w walk
	w.value("plan", schema, value)
	return w
}

type walk []string

func (w *walk) refuse(wrong bool, at, format string, args ...any) {
	if wrong {
		*w = append(*w, at+": "+fmt.Sprintf(format, args...))
	}
}

func (w *walk) value(at string, s apiextensionsv1.JSONSchemaProps, value any) {
	of := s.Type
	switch v := value.(type) {
	case map[string]any:
		w.refuse(of != "object", at, "is an object, no %s", of)
		w.object(at, s, v)
	case []any:
		w.refuse(of != "array", at, "is a list, no %s", of)
		w.list(at, s, v)
	case string:
		w.refuse(of != "string" && !s.XIntOrString, at, "is a text, no %s", of)
		w.text(at, s, v)
	case float64:
		w.refuse(of != "number" && of != "integer" && !s.XIntOrString, at, "is a number, no %s", of)
		w.refuse(s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum, at, "%v is out of bounds", v)
	case bool:
		w.refuse(of != "boolean", at, "is a boolean, no %s", of)
	default:
		w.refuse(true, at, "is %v", value)
	}
}

func (w *walk) object(at string, s apiextensionsv1.JSONSchemaProps, value map[string]any) {
	for _, name := range s.Required {
		_, there := value[name]
		w.refuse(!there, at, "lacks %s", name)
	}
	for name, v := range value {
		property, known := s.Properties[name]
		if !known {
			w.refuse(true, at, "has %s, which would be dropped", name)
			continue
		}
		w.value(at+"."+name, property, v)
	}
}

func (w *walk) list(at string, s apiextensionsv1.JSONSchemaProps, value []any) {
	n := int64(len(value))
	w.refuse(s.MinItems != nil && n < *s.MinItems || s.MaxItems != nil && n > *s.MaxItems, at, "has %d items", n)
	seen := map[string]bool{}
	for i, v := range value {
		at := fmt.Sprintf("%s[%d]", at, i)
		w.value(at, *s.Items.Schema, v)
		if len(s.XListMapKeys) > 0 {
			key := fmt.Sprint(v.(map[string]any)[s.XListMapKeys[0]])
			w.refuse(seen[key], at, "is the second of %s", key)
			seen[key] = true
		}
	}
}

func (w *walk) text(at string, s apiextensionsv1.JSONSchemaProps, value string) {
	n := int64(utf8.RuneCountInString(value))
	w.refuse(s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength, at, "has %d characters", n)
	w.refuse(s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(value), at, "%q is of another form", value)
	known := len(s.Enum) == 0
	for _, one := range s.Enum {
		known = known || string(one.Raw) == fmt.Sprintf("%q", value)
	}
	w.refuse(!known, at, "%q is none of them", value)
}
