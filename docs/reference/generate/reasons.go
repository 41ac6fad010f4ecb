package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// reasons reads the constants for what kubectl shows in one word: a group of
// them is a section, and each must have a comment.
func reasons(page *bytes.Buffer) error {
	page.WriteString("# Events, phases, conditions and reasons\n\n" +
		"`kubectl describe` of a Deployment or of its run shows the events; `kubectl get canaryrun NAME -o yaml` the rest. Messages\n" +
		"say more than the word does. [What to do about it](../failure-modes.md).\n")
	for _, path := range []string{"evaluator/lifecycle/transitions.go", "api/v1alpha1/phases.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.CONST && group.Lparen.IsValid() {
				if err := reasonsOf(page, group); err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
		}
	}
	return nil
}

func reasonsOf(page *bytes.Buffer, group *ast.GenDecl) error {
	fmt.Fprintf(page, "\n## %s\n\n| word | meaning |\n|---|---|\n", title(group.Doc.Text()))
	for _, spec := range group.Specs {
		constant := spec.(*ast.ValueSpec)
		name := constant.Names[0].Name
		comment, ok := strings.CutPrefix(cell(constant.Doc.Text()), name)
		if !ok {
			return fmt.Errorf("constant %s has no comment that begins with its name", name)
		}
		word, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			return fmt.Errorf("constant %s: %w", name, err)
		}
		fmt.Fprintf(page, "| `%s` | %s |\n", word, strings.TrimSuffix(strings.TrimLeft(comment, ": "), "."))
	}
	return nil
}
