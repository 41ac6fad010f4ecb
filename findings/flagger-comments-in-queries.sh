#!/bin/sh
# Flagger 1.44 (module github.com/fluxcd/flagger v1.44.0), providers.PrometheusProvider, which asks the
# queries of MetricTemplates.
#
# Expected: a query over several lines is asked as it is written, comments and all: PromQL has comments
# from # to the end of the line.
# Found: before it is asked each run of whitespace becomes one space, ends of lines too, so what follows
# a comment is comment. A query that begins with one asks nothing, which Prometheus refuses, and so each
# check fails. One with a comment in its middle asks its first half: here errors a second are held
# against a threshold that is meant for their share, and nothing tells of it. Spaces within a quoted
# value of a label become one as well, so that it selects another one.
# Who has a canary judged by such a query is told of a bad one where there is none, or of none: do
# without comments in queries of MetricTemplates (YAML's own, outside of the text, are safe).
#
# Output seen on 2026-11-29:
#   a comment first:     asked an error: parse error: no expression found in input, written as sum(rate(errors_total[1m])) / sum(rate(requests_total[1m]))
#   a comment within:    asked sum(rate(errors_total[1m])), written as sum(rate(errors_total[1m])) / sum(rate(requests_total[1m]))
#   two spaces, quoted:  asked up{job="a b"}, written as up{job="a  b"}
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require (
	github.com/fluxcd/flagger v1.44.0
	github.com/prometheus/prometheus v0.315.0
)
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/metrics/providers"
	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("query")
		fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[0,"1"]}]}}`)
	}))
	defer server.Close()
	provider, err := providers.NewPrometheusProvider(v1beta1.MetricTemplateProvider{Type: "prometheus", Address: server.URL}, nil)
	check(err)
	changed := false
	for _, q := range []struct{ name, query, seen string }{
		{
			"a comment first:", "# share of errors\nsum(rate(errors_total[1m])) / sum(rate(requests_total[1m]))",
			"an error: parse error: no expression found in input",
		},
		{
			"a comment within:", "sum(rate(errors_total[1m])) # errors\n/\nsum(rate(requests_total[1m]))",
			"sum(rate(errors_total[1m]))",
		},
		{"two spaces, quoted:", `up{job="a  b"}`, `up{job="a b"}`},
	} {
		_, err := provider.RunQuery(q.query)
		check(err)
		seen := meant(asked)
		fmt.Printf("%-20s asked %s, written as %s\n", q.name, seen, meant(q.query))
		changed = changed || seen != q.seen
	}
	if changed {
		fmt.Println("CHANGED: it is no longer as this finding says")
		os.Exit(1)
	}
}

// meant is what Prometheus's own parser makes of a query.
func meant(query string) string {
	e, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		_, message, _ := strings.Cut(err.Error(), "parse error: ")
		return "an error: parse error: " + message
	}
	return e.String()
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .
