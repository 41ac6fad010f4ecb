package main

import (
	"bytes"
	"fmt"
	"strings"

	registered "holdfast.dev/holdfast/tools/metrics"
)

func metrics(page *bytes.Buffer) error {
	page.WriteString("# Metrics\n\nServed at `/metrics` of every replica, beside those of controller-runtime (`controller_runtime_…`,\n" +
		"`workqueue_…`, `rest_client_…`). Labels have few values, all of them fixed; none names an object.\n" +
		"[Dashboards and alerts](../how-to/monitor.md) are made of them.\n\n")
	page.WriteString("| metric | labels | meaning |\n|---|---|---|\n")
	for _, m := range registered.List() {
		labels := ""
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", m.Name, labels, cell(m.Help))
	}
	return nil
}
