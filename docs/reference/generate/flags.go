package main

import (
	"bytes"
	"flag"
	"fmt"
	"strings"

	"holdfast.dev/holdfast/cmd/holdfast/app"
)

func flags(page *bytes.Buffer) error {
	page.WriteString("# Flags of holdfast\n\n`holdfast --help` prints them too, with those of its logger (`--zap-…`).\n\n")
	page.WriteString("| flag | default | meaning |\n|---|---|---|\n")
	fs := flag.NewFlagSet("holdfast", flag.ContinueOnError)
	var o app.Options
	o.AddFlags(fs)
	fs.VisitAll(func(f *flag.Flag) {
		value := ""
		if f.DefValue != "" {
			value = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(page, "| `--%s` | %s | %s |\n", f.Name, value, cell(f.Usage))
	})
	return nil
}

// cell makes a text fit for a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
