package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query/trap"
)

// Annotations of Holdfast, by where people write them.
var (
	ofDeployments = []string{
		v1alpha1.CanaryAnnotation, v1alpha1.PlanAnnotation, v1alpha1.PeriodAnnotation, v1alpha1.SourceAnnotation, v1alpha1.StatusLabelAnnotation,
		v1alpha1.BesideRecreateAnnotation, v1alpha1.CanaryImageAnnotation, v1alpha1.CanaryContainerAnnotation, v1alpha1.StartAtAnnotation,
		v1alpha1.RetryAnnotation, v1alpha1.SkipAnnotation, v1alpha1.ProbeAnnotation,
	}
	ofNamespaces = []string{v1alpha1.CanaryAnnotation, v1alpha1.PlanAnnotation, v1alpha1.ProbeAnnotation, v1alpha1.KillAnnotation}
	ofHoldfast   = []string{
		v1alpha1.HeldAnnotation, v1alpha1.RejectedAnnotation, v1alpha1.StableAnnotation, v1alpha1.SkippedAnnotation, v1alpha1.UntriedAnnotation,
		v1alpha1.ToldAnnotation, v1alpha1.ReleaseAnnotation, v1alpha1.PoliciesAnnotation, v1alpha1.StampedAnnotation, v1alpha1.CountedAnnotation,
		v1alpha1.FailedAnnotation, v1alpha1.RestartedAnnotation,
	}
)

// deployment looks at the annotations of a Deployment.
func (d document) deployment(scrape time.Duration) []Finding {
	found := d.keys(ofDeployments, v1alpha1.CanaryEnabled, v1alpha1.CanaryDisabled)
	annotations := d.annotations()
	if text, there := annotations[v1alpha1.StartAtAnnotation]; there {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			found = append(found, d.annotation(v1alpha1.StartAtAnnotation, Mistake, "is no time such as 2026-03-01T22:00:00Z"))
		}
	}
	if annotations[v1alpha1.CanaryImageAnnotation] == "" && annotations[v1alpha1.CanaryContainerAnnotation] != "" {
		found = append(found, d.annotation(v1alpha1.CanaryContainerAnnotation, Doubt, "says nothing without "+v1alpha1.CanaryImageAnnotation))
	}
	found = append(found, d.misplaced()...)
	spec, errs := inline.Parse(annotations)
	if len(errs) > 0 {
		return append(found, d.mistakes(errs)...)
	}
	if spec == nil {
		return found
	}
	if annotations[v1alpha1.PlanAnnotation] != "" {
		found = append(found, d.annotation(v1alpha1.PlanAnnotation, Doubt, "is not asked: the annotations of the Deployment are a plan themselves"))
	}
	at := field.NewPath("metadata", "annotations")
	return append(found, d.doubts(trap.InPlan(spec, scrape), func(w trap.Warning) string {
		if w.Metric == "" {
			return at.Key(v1alpha1.PeriodAnnotation).String()
		}
		return at.Key(v1alpha1.MetricAnnotationPrefix + w.Metric).String()
	})...)
}

// namespace looks at the annotations of a namespace.
func (d document) namespace() []Finding {
	found := d.keys(ofNamespaces, v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired)
	if value, there := d.annotations()[v1alpha1.ProbeAnnotation]; there && value != v1alpha1.ProbeEnabled {
		found = append(found, d.annotation(v1alpha1.ProbeAnnotation, Mistake, "must be "+v1alpha1.ProbeEnabled))
	}
	return found
}

// keys looks for annotations that there are not, and for values of the one that opts in.
func (d document) keys(known []string, values ...string) []Finding {
	var out []Finding
	for key, value := range d.annotations() {
		named := (strings.HasPrefix(key, v1alpha1.MetricAnnotationPrefix) || strings.HasPrefix(key, v1alpha1.HookAnnotationPrefix)) && len(known) == len(ofDeployments)
		switch {
		case !guard.IsOwnKey(key), named:
		case slices.Contains(ofHoldfast, key), strings.HasPrefix(key, v1alpha1.DeletedAnnotationPrefix):
			out = append(out, d.annotation(key, Doubt, "is written by Holdfast, and what a manifest says of it is put back; take it out"))
		case !slices.Contains(known, key):
			out = append(out, d.annotation(key, Mistake, "is no annotation that Holdfast reads here; there are "+strings.Join(known, ", ")))
		case key == v1alpha1.CanaryAnnotation && !slices.Contains(values, value):
			out = append(out, d.annotation(key, Mistake, fmt.Sprintf("must be %s", strings.Join(values, " or "))))
		}
	}
	return out
}

// misplaced are annotations on the pod template that are meant for the Deployment.
func (d document) misplaced() []Finding {
	at := field.NewPath("spec", "template", "metadata", "annotations")
	_, spec := child(d.node, "spec")
	_, template := child(spec, "template")
	_, metadata := child(template, "metadata")
	_, annotations := child(metadata, "annotations")
	var out []Finding
	for i := 0; annotations != nil && annotations.Kind == yaml.MappingNode && i+1 < len(annotations.Content); i += 2 {
		key, value := annotations.Content[i], annotations.Content[i+1].Value
		if key.Value == v1alpha1.ProbeAnnotation && value == v1alpha1.ProbeDisabled { // pods may say so themselves
			continue
		}
		if guard.IsOwnKey(key.Value) {
			out = append(out, d.finding(key, Mistake, at.Key(key.Value).String(), "stands on the pod template, where Holdfast does not read it; put it into metadata.annotations of the Deployment"))
		}
	}
	return out
}

// annotations are those of the object, as far as they are text.
func (d document) annotations() map[string]string {
	_, metadata := child(d.node, "metadata")
	_, annotations := child(metadata, "annotations")
	out := map[string]string{}
	for i := 0; annotations != nil && annotations.Kind == yaml.MappingNode && i+1 < len(annotations.Content); i += 2 {
		if value := resolve(annotations.Content[i+1]); value.Kind == yaml.ScalarNode {
			out[annotations.Content[i].Value] = value.Value
		}
	}
	return out
}

func (d document) annotation(key string, severity Severity, message string) Finding {
	at := field.NewPath("metadata", "annotations").Key(key).String()
	node, _ := find(d.node, at)
	return d.finding(node, severity, at, message)
}
