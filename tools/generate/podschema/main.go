// Command podschema writes the schema of pod templates by which the API server
// merges server-side applies, made from the OpenAPI document of the Kubernetes
// module that the test cluster is built from.
//
//	podschema OUT.yaml
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v2"
	"k8s.io/kube-openapi/pkg/schemaconv"
	"k8s.io/kube-openapi/pkg/spec3"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// root is the type that everything else is needed for.
const root = "io.k8s.api.core.v1.PodTemplateSpec"

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "podschema:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	data, err := document()
	if err != nil {
		return err
	}
	var document spec3.OpenAPI
	if err := json.Unmarshal(data, &document); err != nil {
		return fmt.Errorf("decode the OpenAPI document: %w", err)
	}
	// Fields that are newer than the document are kept, and merged by their look.
	all, err := schemaconv.ToSchemaFromOpenAPI(document.Components.Schemas, true)
	if err != nil {
		return err
	}
	encoded, err := yaml.Marshal(schema.Schema{Types: reachable(all.Types)})
	if err != nil {
		return err
	}
	header := "# The schema of pod templates, from the OpenAPI document of Kubernetes; make generate writes it anew.\n"
	return os.WriteFile(out, append([]byte(header), encoded...), 0o600)
}

// document is what the API server of the test cluster says of apps/v1.
func document() ([]byte, error) {
	const module = "k8s.io/kubernetes"
	list := exec.CommandContext(context.Background(), "go", "mod", "download", "-modfile=../../test/cluster/tools/kubernetes/go.mod", "-json", module)
	list.Stderr = os.Stderr
	found, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", module, err)
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(found, &at); err != nil {
		return nil, fmt.Errorf("folder of %s: %w", module, err)
	}
	return os.ReadFile(filepath.Join(at.Dir, "api", "openapi-spec", "v3", "apis__apps__v1_openapi.json"))
}

// reachable are the types that pod templates are made of, by name.
func reachable(types []schema.TypeDef) []schema.TypeDef {
	byName := map[string]schema.TypeDef{}
	for _, t := range types {
		byName[t.Name] = t
	}
	found := map[string]bool{}
	var visitAtom func(schema.Atom)
	visit := func(ref schema.TypeRef) {
		if ref.NamedType == nil {
			visitAtom(ref.Inlined)
			return
		}
		if t, ok := byName[*ref.NamedType]; ok && !found[t.Name] {
			found[t.Name] = true
			visitAtom(t.Atom)
		}
	}
	visitAtom = func(a schema.Atom) {
		if a.List != nil {
			visit(a.List.ElementType)
		}
		if a.Map != nil {
			visit(a.Map.ElementType)
			for _, field := range a.Fields {
				visit(field.Type)
			}
		}
	}
	name := root
	visit(schema.TypeRef{NamedType: &name})
	var out []schema.TypeDef
	for _, t := range types {
		if found[t.Name] {
			if t.Map != nil {
				slices.SortFunc(t.Fields, func(a, b schema.StructField) int { return strings.Compare(a.Name, b.Name) })
			}
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b schema.TypeDef) int { return strings.Compare(a.Name, b.Name) })
	return out
}
