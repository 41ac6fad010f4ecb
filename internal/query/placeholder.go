package query

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Placeholder is the name between the braces of {{name}}.
type Placeholder string

// The placeholders of a query.
const (
	// Canary stands for the label matchers that select the canary pods.
	Canary Placeholder = "canary"
	// Stable stands for the label matchers that select the Deployment's own pods.
	Stable Placeholder = "stable"
	// Baseline stands for the label matchers that select the baseline pods.
	Baseline Placeholder = "baseline"
	// Pods stands, in a metric that compares, for the label matchers that select
	// the pods of one side, each side in its turn.
	Pods Placeholder = "pods"
	// Namespace and Deployment stand for the names of where the run is.
	Namespace  Placeholder = "namespace"
	Deployment Placeholder = "deployment"
	// Service stands for the name of the first Service, in order of names, that
	// selects the canary pods.
	Service Placeholder = "service"
	// Interval stands for the analysis interval as a PromQL duration.
	Interval Placeholder = "interval"
	// Window stands for the window of the metric as a PromQL duration.
	Window Placeholder = "window"
)

// known are the placeholders that may be used, in the order messages list them;
// knownCompared are those of a metric that compares.
var (
	known         = []Placeholder{Canary, Stable, Baseline, Namespace, Deployment, Service, Interval, Window}
	knownCompared = []Placeholder{Pods, Namespace, Deployment, Service, Interval, Window}
)

// place is where in PromQL a placeholder stands.
type place int

const (
	// bare: outside of quotes and braces.
	bare place = iota
	// matchers: between the braces of a selector.
	matchers
	// quoted: in a string.
	quoted
	// pattern: in a string that a matcher takes for a regular expression.
	pattern
)

// check says what is wrong with a placeholder where it stands, or "".
func (p Placeholder) check(in place, known []Placeholder) string {
	switch {
	case !slices.Contains(known, p) && slices.Contains(known, Pods) && p.selects():
		return fmt.Sprintf("{{%s}} selects one side only; write {{pods}}, which stands for the pods of each side in turn", p)
	case !slices.Contains(known, p):
		return fmt.Sprintf("unknown placeholder {{%s}}; known are %s", plaintext.Cut(string(p), 40), list(known))
	case p == Interval || p == Window:
		return ""
	case p.selects():
		if in == matchers {
			return ""
		}
		return fmt.Sprintf("{{%s}} stands for label matchers and belongs between the braces of a selector, as in up{ {{%s}} }", p, p)
	case in == quoted || in == pattern:
		return ""
	default:
		return fmt.Sprintf(`{{%s}} stands for a name and belongs in quotes, as in %s="{{%s}}"`, p, p, p)
	}
}

// selects says whether a placeholder stands for label matchers.
func (p Placeholder) selects() bool {
	return p == Canary || p == Stable || p == Baseline || p == Pods
}

func list(known []Placeholder) string {
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = "{{" + string(p) + "}}"
	}
	return strings.Join(names, " ")
}
