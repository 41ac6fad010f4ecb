package query

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

const sampleInterval = 30 * time.Second

// DefaultPodLabel is the label by which a Prometheus knows pods where nobody says.
const DefaultPodLabel = "pod"

// Labels are the names of the labels by which Prometheus knows a pod.
type Labels struct {
	// Namespace is "namespace" if empty, Pod is "pod".
	Namespace, Pod string
}

// Values are what the placeholders of a query stand for.
type Values struct {
	Namespace, Deployment string
	// Service is needed by queries that use {{service}} only; it is "" where no
	// Service selects the canary pods.
	Service string
	// Canary, Stable and Baseline are the names of the ReplicaSets whose pods are
	// meant. Without any the matchers select nothing.
	Canary, Stable, Baseline []string
	// PodNames are the names of the pods of those ReplicaSets whose pods are known
	// one by one: these alone are selected. Of others all that are named as theirs, and
	// those of others with them: so queries are checked, and none is judged by.
	PodNames map[string][]string
	// Pods are those of the side that a metric which compares is asked for.
	Pods []string
	// Interval is the analysis interval, in milliseconds at the finest.
	Interval time.Duration
	// Window is the window of the metric, the same.
	Window time.Duration
	Labels Labels
	// Age is how long the canary has been Ready at the time of the evaluation;
	// longer ranges on it are cut to that. With zero none is.
	Age time.Duration
}

// ErrNoService is wrapped by Render for a query that uses {{service}} in a run
// that no Service sends requests to.
var ErrNoService = errors.New("the query uses {{service}}, and no Service selects the canary pods")

// Render fills the placeholders in. Values are taken for names of Kubernetes
// objects and refused when they are not, so none can end a string or a selector
// early; the result is checked to be PromQL once more. Bounds of buckets are
// matched as numbers.
func (t Template) Render(v Values) (string, error) {
	v, names, err := v.withStandIns()
	if err != nil {
		return "", err
	}
	rendered, err := t.renderRead(v)
	if err != nil {
		return "", err
	}
	return names.Replace(rendered), nil
}

// renderRead renders a query that is short enough to be read.
func (t Template) renderRead(v Values) (string, error) {
	rendered, err := t.Fill(v)
	if err != nil {
		return "", err
	}
	expr, mistake := check(rendered)
	if mistake != nil {
		return "", fmt.Errorf("rendered query: %s", mistake.message)
	}
	return byNumber(v.cut(rendered, expr)), nil
}

// Fill renders the query as it stands: no window is cut, no bound rewritten.
func (t Template) Fill(v Values) (string, error) {
	var out strings.Builder
	for _, p := range t.parts {
		text, err := p.render(v)
		if err != nil {
			return "", err
		}
		out.WriteString(text)
	}
	return out.String(), nil
}

func (p part) render(v Values) (string, error) {
	switch p.placeholder {
	case "":
		return p.text, nil
	case Canary:
		return v.podMatchers(v.Canary)
	case Stable:
		return v.podMatchers(v.Stable)
	case Baseline:
		return v.podMatchers(v.Baseline)
	case Pods:
		return v.podMatchers(v.Pods)
	case Namespace:
		return p.name(v.Namespace)
	case Deployment:
		return p.name(v.Deployment)
	case Service:
		if v.Service == "" {
			return "", ErrNoService
		}
		return p.name(v.Service)
	case Interval:
		return Duration(v.Interval), nil
	case Window:
		return Duration(v.Window), nil
	default:
		return "", fmt.Errorf("placeholder {{%s}} cannot be rendered", p.placeholder)
	}
}

var (
	objectName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$`)
)

// name renders the name of an object into a string. In a regular expression a
// dot stands for itself.
func (p part) name(value string) (string, error) {
	if !objectName.MatchString(value) {
		return "", fmt.Errorf("{{%s}}: %q is no name of an object", p.placeholder, value)
	}
	if p.in == pattern {
		return escapeDots(value), nil
	}
	return value, nil
}
