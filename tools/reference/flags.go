package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"holdfast.dev/holdfast/cmd/holdfast/app"
	"holdfast.dev/holdfast/cmd/holdfast/backtest"
	"holdfast.dev/holdfast/cmd/holdfast/probe"
	"holdfast.dev/holdfast/cmd/holdfast/probe/redirect"
	"holdfast.dev/holdfast/cmd/holdfast/uninstall"
)

func flags(page *bytes.Buffer) error {
	page.WriteString("# Flags of holdfast\n\n`holdfast --help` prints them too, with those of its logger (`--zap-…`).\n\n")
	var o app.Options
	table(page, o.AddFlags)
	probeFlags(page)
	uninstallFlags(page)
	return nil
}

func probeFlags(page *bytes.Buffer) {
	page.WriteString("\n# Flags of holdfast probe\n\n[What it does](../how-to/probe.md). Holdfast sets them itself in the pods that it measures.\n\n")
	var o probe.Options
	table(page, o.AddFlags)
	page.WriteString("\n# Flags of holdfast probe redirect\n\n[What it does](../how-to/inject-the-probe.md#redirect). Holdfast sets them itself.\n\n")
	var r redirect.Options
	table(page, r.AddFlags)
}

func uninstallFlags(page *bytes.Buffer) {
	page.WriteString("\n# Flags of holdfast uninstall\n\n[How to use it](../how-to/uninstall.md).\n\n")
	var o uninstall.Options
	table(page, o.AddFlags)
}

func backtestFlags(page *bytes.Buffer) error {
	page.WriteString("# Flags of holdfast backtest\n\n[How to use it](../how-to/backtest.md); `holdfast backtest --help` has examples.\n\n")
	var o backtest.Options
	table(page, o.AddFlags)
	return nil
}

// table lists the flags that are added to a set.
func table(page *bytes.Buffer, add func(*pflag.FlagSet)) {
	page.WriteString("| flag | default | meaning |\n|---|---|---|\n")
	fs := pflag.NewFlagSet("", pflag.ContinueOnError)
	add(fs)
	fs.VisitAll(func(f *pflag.Flag) {
		value := ""
		if f.DefValue != "" {
			value = "`" + f.DefValue + "`"
		}
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		fmt.Fprintf(page, "| %s | %s | %s |\n", name, value, cell(f.Usage))
	})
}

// cell makes a text fit for a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
