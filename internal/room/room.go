// Package room says by what a Deployment may have no room for a pod beside its own, as far as that can be
// told from the Deployment: how many nodes there are, and what runs on them, it does not know.
//
// The package is pure.
package room

import (
	"fmt"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// otherwise is what there is to do where a canary finds no node.
const otherwise = "or the run fails as Unschedulable after its readyDeadline; to update without a canary, annotate the Deployment with " +
	v1alpha1.SkipAnnotation + ", once, or with " + noCanary

// noCanary is for those who never want one.
const noCanary = v1alpha1.CanaryAnnotation + "=" + v1alpha1.CanaryDisabled

// Doubts are the fields of a Deployment for which a canary of the held template, beside pods of the stable
// one, may not be made or find no node: a sentence each, with what to do about it.
func Doubts(d workload.Deployment, stable, held hold.Template) []string {
	var out []string
	if d.NeverSurges() {
		out = append(out, fmt.Sprintf("spec.strategy.rollingUpdate.maxSurge is 0, so the Deployment itself never makes a pod more than its %d replicas, "+
			"and the canary is one more; where there must be none, annotate the Deployment with %s", d.Replicas(), noCanary))
	}
	if port := takenPort(stable, held); port != "" {
		out = append(out, port+" is taken on each node where a pod of the Deployment runs: the canary needs one more node of those that it may run on, or the field taken off, "+otherwise)
	}
	if term := apart(stable, held); term != "" {
		out = append(out, term+": the canary needs one more, or matchLabelKeys: [pod-template-hash] in the term, which keeps apart the pods of one version only, "+otherwise)
	}
	return out
}
