package stage

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/compare"
)

// revisionAnnotation is where the deployment controller numbers revisions.
const revisionAnnotation = "deployment.kubernetes.io/revision"

// unsettled says what the controllers have still to do for a Deployment, "" if nothing. It looks at
// the ReplicaSets, not at the status that Holdfast may answer with while an update is held.
func unsettled(v view) string {
	if v.deployment == nil {
		return ""
	}
	sets := owned(v)
	want := integer(v.deployment, "spec", "replicas")
	var asked, available int64
	for _, set := range sets {
		asked += integer(set, "spec", "replicas")
		available += integer(set, "status", "availableReplicas")
		if integer(set, "status", "replicas") != integer(set, "spec", "replicas") {
			return fmt.Sprintf("ReplicaSet %s has not the pods it should have", set.GetName())
		}
	}
	switch {
	case asked != want:
		return fmt.Sprintf("its ReplicaSets have %d replicas, want %d", asked, want)
	case available != want:
		return fmt.Sprintf("%d pods are available, want %d", available, want)
	case integer(v.deployment, "status", "readyReplicas") != want:
		return fmt.Sprintf("its status counts %d ready pods, want %d", integer(v.deployment, "status", "readyReplicas"), want)
	case integer(v.deployment, "status", "terminatingReplicas") != 0: // its status is yet to be written
		return fmt.Sprintf("its status counts %d terminating pods", integer(v.deployment, "status", "terminatingReplicas"))
	}
	if !paused(v.deployment) {
		if what := unrolled(v.deployment, sets, want); what != "" {
			return what
		}
	}
	return unwritten(v.deployment, want)
}

func paused(d *unstructured.Unstructured) bool {
	paused, _, _ := unstructured.NestedBool(d.Object, "spec", "paused")
	return paused
}

// unrolled says what is still to do for the newest revision to be the template's, with all the
// pods, and old ones gone.
func unrolled(d *unstructured.Unstructured, sets []*unstructured.Unstructured, want int64) string {
	if len(sets) == 0 {
		return "it has no ReplicaSet"
	}
	newest := sets[len(sets)-1]
	var normal compare.Normal
	state := normal.Snapshot(compare.Snapshot{Object: d.Object, History: history(sets[len(sets)-1:])})
	switch {
	case !compare.Same(state.History[0].Template, state.Stable()):
		return "the newest ReplicaSet has another template"
	case newest.GetAnnotations()[revisionAnnotation] != d.GetAnnotations()[revisionAnnotation]:
		return "its revision is not that of the newest ReplicaSet"
	case integer(newest, "spec", "replicas") != want:
		return "the newest ReplicaSet has not all the replicas"
	case !state.Held() && int64(len(sets)-1) > limit(d):
		return "more revisions are kept than should be"
	}
	return ""
}

// stamped says whether the stable template is the one that Holdfast knows of. A template that came
// unseen, as that of a creation does, is stamped a moment later, and a client that writes what it
// has read may meet that.
func stamped(v view) bool {
	template, _, _ := unstructured.NestedMap(v.deployment.Object, "spec", "template")
	hash, err := hold.HashOf(template)
	return err == nil && hold.PeekStamp(v.deployment.GetAnnotations()[v1alpha1.StableAnnotation]) == hold.Stamp{Hash: hash}
}

func limit(d *unstructured.Unstructured) int64 { return integer(d, "spec", "revisionHistoryLimit") }

// owned are the ReplicaSets of the Deployment, the oldest revision first.
func owned(v view) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, set := range v.replicaSets {
		if owner := metav1.GetControllerOf(set); owner != nil && owner.UID == v.deployment.GetUID() {
			out = append(out, set)
		}
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return cmp.Compare(number(a), number(b)) })
	return out
}

func history(sets []*unstructured.Unstructured) []compare.Revision {
	var out []compare.Revision
	for _, set := range sets {
		template, _, _ := unstructured.NestedMap(set.Object, "spec", "template")
		out = append(out, compare.Revision{Number: number(set), Template: template, Object: set.Object})
	}
	return out
}

func number(set *unstructured.Unstructured) int64 {
	n, _ := strconv.ParseInt(set.GetAnnotations()[revisionAnnotation], 10, 64) // one without is older than all
	return n
}

func integer(o *unstructured.Unstructured, path ...string) int64 {
	n, _, _ := unstructured.NestedInt64(o.Object, path...)
	return n
}
