package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
)

// annotations reads the constants of keys.go: a group of them is a section.
func annotations(page *bytes.Buffer) error {
	page.WriteString("# Annotations and labels\n")
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "api/v1alpha1/keys.go", nil, parser.ParseComments)
	if err != nil {
		return err
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.Default()}
	if _, err := config.Check("v1alpha1", files, []*ast.File{file}, info); err != nil {
		return err
	}
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST || !group.Lparen.IsValid() {
			continue
		}
		fmt.Fprintf(page, "\n## %s\n\n| key or value | meaning |\n|---|---|\n", title(group.Doc.Text()))
		for _, spec := range group.Specs {
			key := spec.(*ast.ValueSpec)
			value := info.Defs[key.Names[0]].(*types.Const).Val()
			fmt.Fprintf(page, "| `%s` | %s |\n", constant.StringVal(value), meaning(key))
		}
	}
	return nil
}

// title is the first sentence of a comment, without its stop.
func title(doc string) string {
	sentence, _, _ := strings.Cut(strings.Join(strings.Fields(doc), " "), ". ")
	return strings.TrimSuffix(sentence, ".")
}

// meaning is the comment of a constant without the constant's own name, and
// with the keys in place of the names of others.
func meaning(spec *ast.ValueSpec) string {
	text := strings.TrimPrefix(cell(spec.Doc.Text()), spec.Names[0].Name+" ")
	return strings.NewReplacer("CanaryAnnotation", "the annotation `holdfast.dev/canary`",
		"CanaryImageAnnotation", "`holdfast.dev/canary-image`", "RoleLabel", "`holdfast.dev/role`").Replace(text)
}
