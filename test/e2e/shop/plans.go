package shop

import (
	"fmt"
	"regexp"
	"strings"
)

// YAMLBlock finds the examples on a page of the docs: how far they are indented, and what they say.
var YAMLBlock = regexp.MustCompile("(?s)( *)```yaml\n(.*?)```")

// With adds lines to the spec of a plan.
func With(plan string, lines ...string) string {
	return strings.Replace(plan, "  readyDeadline", "  "+strings.Join(lines, "\n  ")+"\n  readyDeadline", 1)
}

// Calm is a query that is 0 for every canary that is scraped.
const Calm = `sum(up{ {{canary}} }) * 0`

// Patient is a plan with a period that no scenario waits for. Its metric is
// good without load too.
var Patient = strings.Replace(PlanOf("vector(0)"), "period: 8s", "period: 10m", 1)

// WithEnv gives the app environment variables A, B, … with these values.
func WithEnv(manifest string, values ...string) string {
	var env []string
	for i, value := range values {
		env = append(env, fmt.Sprintf("{name: %c, value: %s}", 'A'+i, value))
	}
	return strings.Replace(manifest, "        ports:", "        env: ["+strings.Join(env, ", ")+"]\n        ports:", 1)
}

// Annotate puts annotations on the Deployment of a manifest.
func Annotate(manifest string, annotations ...string) string {
	return strings.Replace(manifest, "metadata: {name: web}", "metadata:\n  name: web\n  annotations:\n    "+strings.Join(annotations, "\n    "), 1)
}

// PlanAsking is a plan that asks an endpoint what is always good, and bears few errors.
func PlanAsking(endpoint string) string {
	plan := PlanOf(`sum(up{ {{canary}} }) * 0`)
	plan = strings.Replace(plan, "errorLimit: 30", "endpoint: "+endpoint+"\n    errorLimit: 2", 1)
	return strings.Replace(plan, "readyDeadline: 15s", "readyDeadline: 15s\n  onInconclusive: Revert", 1)
}

// QuickPlan judges the share of errors within seconds.
const QuickPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 15s
  analysis:
    initialDelay: 3s
    interval: 1s
    period: 8s
    failureLimit: 1
    errorLimit: 30
    noDataLimit: 30
    metrics:
    - name: error-rate
      query: |
        sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[4s]))
        / sum(rate(http_requests_total{ {{canary}} }[4s]))
      range: {min: 0, max: 0.05}
`

// PlanOf is QuickPlan with another query.
func PlanOf(query string) string {
	head, _, _ := strings.Cut(QuickPlan, "      query: |")
	return head + "      query: '" + query + "'\n      range: {min: 0, max: 0.05}\n"
}

// HealthPlan judges by the health of the pods alone, and forgives restarts: whoever
// swaps the pods swaps all that is judged.
const HealthPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec: {readyDeadline: 25s, restartLimit: 9, analysis: {initialDelay: 1s, interval: 1s, period: 8s}}
`

// ShortPlan releases what stays healthy for some seconds.
const ShortPlan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  analysis: {interval: 1s, period: 4s}
`

// LongPlan is ShortPlan with a period that no scenario waits for.
var LongPlan = strings.Replace(ShortPlan, "period: 4s", "period: 1h", 1)
