package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/certs"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/evaluator/tell"
	"holdfast.dev/holdfast/webhook/deployment"
	"holdfast.dev/holdfast/webhook/serving"
	"holdfast.dev/holdfast/webhook/status"
)

// collected is a Registerer that only remembers what it is given.
type collected struct {
	prometheus.Registerer
	rows []string
}

func (c *collected) MustRegister(collectors ...prometheus.Collector) {
	for _, collector := range collectors {
		if err := c.Register(collector); err != nil {
			panic(err)
		}
	}
}

var description = regexp.MustCompile(`fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)".*variableLabels: \{([^}]*)\}`)

func (c *collected) Register(collector prometheus.Collector) error {
	descriptions := make(chan *prometheus.Desc, 16)
	collector.Describe(descriptions)
	close(descriptions)
	for d := range descriptions {
		parts := description.FindStringSubmatch(d.String())
		if parts == nil {
			return fmt.Errorf("cannot read %s", d)
		}
		labels := ""
		if parts[3] != "" {
			labels = "`" + strings.ReplaceAll(parts[3], ",", "`, `") + "`"
		}
		c.rows = append(c.rows, fmt.Sprintf("| `%s` | %s | %s |\n", parts[1], labels, cell(strings.ReplaceAll(parts[2], `\"`, `"`))))
	}
	return nil
}

func metrics(page *bytes.Buffer) error {
	page.WriteString("# Metrics\n\nServed at `/metrics` of every replica, beside those of controller-runtime (`controller_runtime_…`,\n" +
		"`workqueue_…`, `rest_client_…`). Labels have few values, all of them fixed; none names an object.\n\n")
	page.WriteString("| metric | labels | meaning |\n|---|---|---|\n")
	var c collected
	certs.NewMetrics(&c)
	deployment.NewMetrics(&c)
	status.NewMetrics(&c)
	serving.NewMetrics(&c)
	tell.NewMetrics(&c, nil)
	promql.NewMetrics(&c)
	slices.Sort(c.rows)
	page.WriteString(strings.Join(c.rows, ""))
	return nil
}
