package precheck

import (
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// remedy is the way out that is always there: a selector can never be changed.
const remedy = "or annotate the Deployment with " + v1alpha1.CanaryAnnotation + "=" + v1alpha1.CanaryDisabled + " to update it without a canary"

// Clashes says what keeps a template from being run as a canary of its
// Deployment: labels by which Holdfast tells pods apart, and a selector that
// would not match the canary pods or would match their ReplicaSet. Each names
// the field and the remedy. Labels that do not match the selector at all are
// left to the API server.
func Clashes(deployment string, selector *metav1.LabelSelector, template hold.Template) field.ErrorList {
	own := labelsOf(template)
	errs := reserved(own)
	match, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil || !match.Matches(own) || len(errs) > 0 {
		return errs
	}
	const hash = "hash" // no selector can ask for the one there will be
	run := v1alpha1.RunName(deployment, hash, 1)
	path := field.NewPath("spec", "selector")
	pod := labels.Set{v1alpha1.CanaryPodLabel: "true"}
	maps.Copy(pod, own)
	maps.Copy(pod, v1alpha1.CanaryPodLabels(run, hash))
	if !match.Matches(pod) {
		errs = append(errs, field.Invalid(path, match.String(), fmt.Sprintf(
			"it does not match canary pods, which have the labels %s=true, %s, %s and %s beside those of the template; make the Deployment anew with another selector, %s",
			v1alpha1.CanaryPodLabel, v1alpha1.RoleLabel, v1alpha1.RunLabel, v1alpha1.HashLabel, remedy)))
	}
	if match.Matches(labels.Set(v1alpha1.CanaryReplicaSetLabels(run, deployment, hash))) {
		errs = append(errs, field.Invalid(path, match.String(),
			"it matches the ReplicaSet of the canary too; make the Deployment anew with a selector that asks for a label of the template, "+remedy))
	}
	return errs
}

// reserved are the labels of a template that are Holdfast's or the Deployment's own.
func reserved(own labels.Set) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "template", "metadata", "labels")
	for _, key := range v1alpha1.ReservedPodLabels {
		if _, taken := own[key]; taken {
			errs = append(errs, field.Forbidden(path.Key(key), "canary pods are told apart by this label; take it off the template, "+remedy))
		}
	}
	return errs
}

func labelsOf(t hold.Template) labels.Set {
	metadata, _ := t["metadata"].(map[string]any)
	given, _ := metadata["labels"].(map[string]any)
	out := labels.Set{}
	for key, value := range given {
		out[key], _ = value.(string)
	}
	return out
}
