// Command chart writes the parts of the Helm chart that say the same as the
// kustomizations: webhook configurations, kinds, RBAC and Services. They stand
// in one place only, manifests/base and what is laid over it. What has values
// (the Deployment, its certificate) is written by hand in the chart, and a test
// compares what both install (test/install).
//
//	chart MANIFESTS
package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

// handwritten are the kinds of which the chart has templates of its own, and
// the namespace, which Helm makes.
var handwritten = map[string]bool{
	"Namespace": true, "Deployment": true, "PodDisruptionBudget": true, "Job": true, "Issuer": true, "Certificate": true,
}

// folders are those of the chart in which everything is generated.
var folders = []string{"templates/generated", "files/crds"}

func run(manifests string) error {
	files, err := generate(manifests)
	if err != nil {
		return err
	}
	chart := filepath.Join(manifests, "chart", "holdfast")
	for _, folder := range folders {
		if err := os.RemoveAll(filepath.Join(chart, folder)); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(chart, folder), 0o750); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(chart, name), content.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// generate renders the kustomizations into files of the chart, by name.
func generate(manifests string) (map[string]*bytes.Buffer, error) {
	selfManaged, err := render(filepath.Join(manifests, "base"))
	if err != nil {
		return nil, err
	}
	certManager, err := render(filepath.Join(manifests, "overlays", "cert-manager"))
	if err != nil {
		return nil, err
	}
	uninstall, err := render(filepath.Join(manifests, "uninstall"))
	if err != nil {
		return nil, err
	}
	files := map[string]*bytes.Buffer{}
	for _, o := range selfManaged {
		switch {
		case o.kind() == "CustomResourceDefinition":
			err = add(files, "files/crds/"+o.name()+".yaml", o.keep())
		case !handwritten[o.kind()]:
			err = addTemplate(files, o.kind(), o, find(certManager, o))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
	}
	for _, o := range uninstall {
		if handwritten[o.kind()] {
			continue
		}
		if err := addTemplate(files, "uninstall", o.hook(), o.hook()); err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
	}
	for name, file := range files {
		if strings.HasSuffix(name, "/uninstall.yaml") {
			guard(file, ".Values.uninstall.hook")
		}
	}
	return files, nil
}

// addTemplate appends an object to a file of templates/generated.
func addTemplate(files map[string]*bytes.Buffer, name string, selfManaged, certManager object) error {
	text, err := template(selfManaged, certManager)
	if err != nil {
		return err
	}
	path := "templates/generated/" + strings.ToLower(name) + ".yaml"
	if files[path] == nil {
		files[path] = bytes.NewBufferString("{{- /* Made from the kustomizations of manifests/; make generate writes it anew. */ -}}\n")
	}
	files[path].WriteString("---\n" + text)
	return nil
}

// add makes a file that is no template.
func add(files map[string]*bytes.Buffer, path string, o object) error {
	text, err := encode(o)
	files[path] = bytes.NewBufferString("# Made from the kustomizations of manifests/; make generate writes it anew.\n" + text)
	return err
}

// guard puts a condition around what is in a file.
func guard(file *bytes.Buffer, condition string) {
	text := file.String()
	file.Reset()
	fmt.Fprintf(file, "{{- if %s }}\n%s{{- end }}\n", condition, text)
}
