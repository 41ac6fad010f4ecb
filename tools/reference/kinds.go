package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// kinds reads the generated CRDs.
func kinds(page *bytes.Buffer) error {
	page.WriteString("# Kinds\n\n`kubectl explain canaryplan.spec` says the same.\n")
	files, err := filepath.Glob("manifests/generated/crd/*.yaml")
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(data, &crd); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		version := crd.Spec.Versions[0]
		schema := version.Schema.OpenAPIV3Schema
		fmt.Fprintf(page, "\n## %s (`%s/%s`)\n\n%s\n", crd.Spec.Names.Kind, crd.Spec.Group, version.Name, cell(schema.Description))
		for _, part := range []string{"spec", "status"} {
			if _, ok := schema.Properties[part]; ok {
				fmt.Fprintf(page, "\n| field | type | default | meaning |\n|---|---|---|---|\n")
				fields(page, part, schema.Properties[part])
			}
		}
	}
	return nil
}

// fields writes a row for each field below an object. What a run copies from a
// plan is said once, at the plan.
func fields(page *bytes.Buffer, path string, object apiextensionsv1.JSONSchemaProps) {
	for _, name := range sorted(object.Properties) {
		field := object.Properties[name]
		at := path + "." + name
		typ, below := typeOf(field)
		value := ""
		if field.Default != nil && string(field.Default.Raw) != "{}" {
			value = "`" + string(field.Default.Raw) + "`"
		}
		required := ""
		if slices.Contains(object.Required, name) {
			required = " Required."
		}
		fmt.Fprintf(page, "| `%s` | %s | %s | %s%s%s |\n", at, typ, value, cell(field.Description), required, rules(field))
		if at != "spec.plan" && at != "status.plan" && !strings.HasPrefix(at, "status.conditions") {
			fields(page, at, below)
		}
	}
}

// typeOf is the type of a field in words, and the object that its own fields are below.
func typeOf(field apiextensionsv1.JSONSchemaProps) (string, apiextensionsv1.JSONSchemaProps) {
	switch {
	case field.XIntOrString:
		return "number or string", field
	case len(field.Enum) > 0:
		var values []string
		for _, value := range field.Enum {
			values = append(values, "`"+strings.Trim(string(value.Raw), `"`)+"`")
		}
		return strings.Join(values, ", "), field
	case field.Type == "array":
		inner, below := typeOf(*field.Items.Schema)
		return "list of " + inner, below
	}
	return field.Type, field
}

func rules(field apiextensionsv1.JSONSchemaProps) string {
	var out string
	for _, rule := range field.XValidations {
		out += " It " + cell(rule.Message) + "."
	}
	return strings.NewReplacer(" It initialDelay", " Its initialDelay", " It interval", " Its interval", " It min ", " Its min ", " It a run", " A run").Replace(out)
}

func sorted(properties map[string]apiextensionsv1.JSONSchemaProps) []string {
	var names []string
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
