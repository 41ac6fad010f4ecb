package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// chart reads the values of the Helm chart: each has its meaning in the comment above it.
func chart(page *bytes.Buffer) error {
	page.WriteString("# Values of the Helm chart\n\n[How to install it](../how-to/install.md). A value that is not here is refused, and so is one of another type.\n\n" +
		"| value | default | meaning |\n|---|---|---|\n")
	text, err := os.ReadFile("manifests/chart/holdfast/values.yaml")
	if err != nil {
		return err
	}
	var parent, comment string
	for line := range strings.Lines(string(text)) {
		content := strings.TrimSpace(line)
		if words, isComment := strings.CutPrefix(content, "# "); isComment {
			comment = strings.TrimSpace(comment + " " + words)
			continue
		}
		key, value, isKey := strings.Cut(content, ":")
		if !isKey { // an empty line: what stood above was about the file
			comment = ""
			continue
		}
		path := key
		if strings.HasPrefix(line, " ") {
			path = parent + "." + key
		}
		if value == "" {
			parent = key
		} else {
			fmt.Fprintf(page, "| `%s` | `%s` | %s |\n", path, strings.TrimSpace(value), cell(comment))
		}
		comment = ""
	}
	return nil
}
