package room

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// apart says which required anti-affinity keeps a canary away from where pods of the Deployment run; "" if
// none does. The scheduler heeds the terms of both sides: those of the pod that it looks for a node for, and
// those of the pods that are there.
func apart(stable, held hold.Template) string {
	running := merged(labelsOf(stable), map[string]string{hashLabel: "stable"})
	canary := merged(merged(map[string]string{v1alpha1.CanaryPodLabel: "true"}, labelsOf(held)), v1alpha1.CanaryPodLabels("run", "canary"))
	for _, side := range []struct {
		template      hold.Template
		owner, others map[string]string
		of            string
	}{
		{held, canary, running, ""},
		{stable, running, canary, " of the pods that run"},
	} {
		for i, term := range antiAffinity(side.template) {
			if keepsApart(term, side.owner, side.others) {
				return fmt.Sprintf("spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[%d]%s "+
					"keeps a canary away from each %s where a pod of the Deployment runs", i, side.of, place(term.TopologyKey))
			}
		}
	}
	return ""
}

const hashLabel = "pod-template-hash"

// place is what a topology key tells apart, for people.
func place(topologyKey string) string {
	if topologyKey == corev1.LabelHostname {
		return "node"
	}
	return "value of the node label " + topologyKey
}

// keepsApart says whether a term of a pod with some labels is about another pod, of the same namespace. A
// term whose namespaces are selected by their labels may be about other namespaces only, and is left out.
func keepsApart(term corev1.PodAffinityTerm, owner, other map[string]string) bool {
	if len(term.Namespaces) > 0 || term.NamespaceSelector != nil && (len(term.NamespaceSelector.MatchLabels) > 0 || len(term.NamespaceSelector.MatchExpressions) > 0) {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
	if err != nil || !selector.Matches(labels.Set(other)) {
		return false
	}
	differs := func(key string) bool { value, has := other[key]; return !has || value != owner[key] }
	has := func(key string) bool { _, has := owner[key]; return has } // keys that it has not are not looked at
	return !slices.ContainsFunc(term.MatchLabelKeys, func(key string) bool { return has(key) && differs(key) }) &&
		!slices.ContainsFunc(term.MismatchLabelKeys, func(key string) bool { return has(key) && !differs(key) })
}

// antiAffinity are the required terms of a template.
func antiAffinity(template hold.Template) []corev1.PodAffinityTerm {
	var out []corev1.PodAffinityTerm
	anti := object(object(object(template["spec"])["affinity"])["podAntiAffinity"])
	for _, each := range list(anti["requiredDuringSchedulingIgnoredDuringExecution"]) {
		var term corev1.PodAffinityTerm
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object(each), &term); err != nil {
			term = corev1.PodAffinityTerm{} // which is about nothing, as it has no selector
		}
		out = append(out, term)
	}
	return out
}

func labelsOf(template hold.Template) map[string]string {
	out := map[string]string{}
	for key, value := range object(object(template["metadata"])["labels"]) {
		out[key] = text(value)
	}
	return out
}

func merged(all, more map[string]string) map[string]string {
	out := maps.Clone(all)
	maps.Copy(out, more)
	return out
}
