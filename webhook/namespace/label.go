package namespace

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/policy"
)

// Label is the value that the label of a namespace must have for its
// annotation, "" for no label, and what is wrong with the annotation, if anything.
func Label(namespace, annotation string, excluded []string) (label, problem string) {
	switch {
	case annotation == "":
		return "", ""
	case slices.Contains(excluded, namespace):
		return "", fmt.Sprintf("namespace %s is never guarded; annotation %s does nothing here", namespace, v1alpha1.CanaryAnnotation)
	case guard.IsLevel(annotation):
		return annotation, ""
	}
	return "", fmt.Sprintf("annotation %s is %q; it must be %q or %q", v1alpha1.CanaryAnnotation, annotation, v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired)
}

// Probe is the value that the label must have by which pods of a namespace are measured, "" for no label, and
// what is wrong with the annotation that asks for it, if anything.
func Probe(namespace, annotation string, excluded []string) (label, problem string) {
	switch {
	case annotation == "":
		return "", ""
	case slices.Contains(excluded, namespace):
		return "", fmt.Sprintf("pods of namespace %s are never measured; annotation %s does nothing here", namespace, v1alpha1.ProbeAnnotation)
	case annotation == v1alpha1.ProbeEnabled:
		return annotation, ""
	}
	return "", fmt.Sprintf("annotation %s is %q; it must be %q", v1alpha1.ProbeAnnotation, annotation, v1alpha1.ProbeEnabled)
}

// marks are what Holdfast writes on a namespace; "" for none.
type marks struct {
	// canary is the label by which the webhook configuration selects.
	canary string
	// policy is the label that says how policies guard it.
	policy string
	// probe is the label by which the webhook configuration selects whose pods are measured.
	probe string
	// policies is the annotation that names those which select it.
	policies string
}

// marksOf are those of a namespace whose annotation asks for a label by itself,
// and whose policies demand something. The stricter of both counts.
func marksOf(label string, e policy.Effective) marks {
	m := marks{canary: label, policy: string(e.Guard.Value), policies: strings.Join(e.Policies, ",")}
	if m.policy == v1alpha1.CanaryRequired || m.canary == "" {
		m.canary = m.policy
	}
	return m
}
