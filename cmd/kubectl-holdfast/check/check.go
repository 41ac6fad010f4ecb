package check

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/trap"
)

// Manifests looks at all objects of a text of YAML or JSON. looked is how many of them there is something to
// look for in. scrape is how often pods are scraped, by which windows are doubted.
func Manifests(text string, scrape time.Duration) (found []Finding, looked int) {
	docs, found := documents(text)
	for _, d := range docs {
		for _, object := range d.objects() {
			f, ours := object.check(scrape)
			found = append(found, f...)
			if ours {
				looked++
			}
		}
	}
	return sorted(found), looked
}

// objects are the document, or the items of the List that it is.
func (d document) objects() []document {
	if _, kind := child(d.node, "kind"); kind == nil || kind.Value != "List" {
		return []document{d}
	}
	_, items := child(d.node, "items")
	if items == nil || items.Kind != yaml.SequenceNode {
		return nil
	}
	var out []document
	for _, item := range items.Content {
		out = append(out, document{d.lines, d.before, resolve(item)})
	}
	return out
}

func (d document) check(scrape time.Duration) (found []Finding, ours bool) {
	version, kind := "", ""
	if _, n := child(d.node, "apiVersion"); n != nil {
		version = n.Value
	}
	if _, n := child(d.node, "kind"); n != nil {
		kind = n.Value
	}
	group, _, _ := strings.Cut(version, "/")
	switch {
	case kind == "CanaryPlan" && group+"/" == v1alpha1.Prefix:
		return d.plan(version, scrape), true
	case kind == "Deployment" && group == "apps":
		return d.deployment(scrape), true
	case kind == "Namespace" && version == "v1":
		return d.namespace(), true
	}
	return nil, false
}

func (d document) plan(version string, scrape time.Duration) []Finding {
	if version != v1alpha1.GroupVersion.String() {
		_, n := child(d.node, "apiVersion")
		return []Finding{d.finding(n, Mistake, "apiVersion", "is "+version+"; CanaryPlans are "+v1alpha1.GroupVersion.String())}
	}
	if found := d.shape(d.node, reflect.TypeFor[v1alpha1.CanaryPlan](), ""); len(found) > 0 {
		return found
	}
	var plan v1alpha1.CanaryPlan
	if err := d.decode(&plan); err != nil {
		return []Finding{d.finding(d.node, Mistake, "", err.Error())}
	}
	of, err := planSchema()
	if err != nil {
		return []Finding{d.finding(d.node, Mistake, "", err.Error())}
	}
	found := d.limits(d.node, of, "")
	plan.Spec.SetDefaults()
	if errs := query.ValidatePlan(&plan.Spec, field.NewPath("spec")); len(found)+len(errs) > 0 {
		return withoutTwins(found, d.mistakes(errs))
	}
	return d.doubts(trap.InPlan(&plan.Spec, scrape), func(w trap.Warning) string {
		if w.Metric == "" {
			return "spec." + w.Field
		}
		return join(metricPath(&plan.Spec, w.Metric), inMetric(w))
	})
}

// metricPath is where a metric stands in a plan.
func metricPath(spec *v1alpha1.CanaryPlanSpec, name string) string {
	for i, m := range spec.Analysis.Metrics {
		if m.Name == name {
			return fmt.Sprintf("spec.analysis.metrics[%d]", i)
		}
	}
	for i, step := range spec.Steps {
		for j, m := range step.Metrics {
			if m.Name == name {
				return fmt.Sprintf("spec.steps[%d].metrics[%d]", i, j)
			}
		}
	}
	return "spec"
}

// inMetric is which field of a metric a warning is about.
func inMetric(w trap.Warning) string {
	if w.At != nil {
		return "query"
	}
	return w.Field
}

func join(path, name string) string {
	if name == "" {
		return path
	}
	return path + "." + name
}

func (d document) decode(into any) error {
	var plain any
	if err := d.node.Decode(&plain); err != nil {
		return err
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// inText is how the place of a mistake within a text is told.
var inText = regexp.MustCompile(`^line (\d+), column (\d+): `)

// mistakes are errors of fields, each where its field is, or in the text where it says.
func (d document) mistakes(errs field.ErrorList) []Finding {
	var out []Finding
	for _, err := range errs {
		node, exact := find(d.node, err.Field)
		f := d.finding(node, Mistake, err.Field, err.ErrorBody())
		if place := inText.FindStringSubmatch(err.Detail); place != nil && exact {
			line, _ := strconv.Atoi(place[1])
			column, _ := strconv.Atoi(place[2])
			f.Line, f.Column = d.within(node, line, column)
			f.Message = strings.TrimPrefix(err.Detail, place[0])
		}
		out = append(out, f)
	}
	return out
}

// doubts are warnings, each where the field is that path names.
func (d document) doubts(warnings []trap.Warning, path func(trap.Warning) string) []Finding {
	var out []Finding
	for _, w := range warnings {
		at := path(w)
		node, exact := find(d.node, at)
		f := d.finding(node, Doubt, at, w.Message)
		if w.At != nil && exact {
			f.Line, f.Column = d.within(node, w.At.Line, w.At.Column)
		}
		out = append(out, f)
	}
	return out
}

// withoutTwins are both lists, of the first without what the second says better of the same field.
func withoutTwins(found, better []Finding) []Finding {
	return append(better, slices.DeleteFunc(found, func(f Finding) bool {
		return slices.ContainsFunc(better, func(b Finding) bool { return b.Field == f.Field })
	})...)
}
