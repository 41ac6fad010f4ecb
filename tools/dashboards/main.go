// Command dashboards writes the Grafana dashboards, into the kustomize component and into the chart. What
// they show is described in operators.go and teams.go; test/engine/monitoring compares what they ask for with
// the metrics that there are.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// folders are where the dashboards go. Helm reads no file outside of the chart.
var folders = []string{"components/dashboards", "chart/holdfast/files/dashboards"}

func main() {
	dir := flag.String("dir", "manifests", "where components and chart are")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "dashboards:", err)
		os.Exit(1)
	}
}

func run(manifests string) error {
	for _, d := range []description{operators, teams} {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false) // < and > are of PromQL
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d.grafana()); err != nil {
			return fmt.Errorf("%s: %w", d.uid, err)
		}
		for _, folder := range folders {
			path := filepath.Join(manifests, folder, d.uid+".json")
			if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
				return err
			}
			if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}
