package stage

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
)

// farAhead is how far Holdfast puts observedGeneration ahead after a revert, where tools wait by it alone.
const farAhead = 1_000_000

// unwritten says what the deployment controller has still to write into the status of a Deployment
// whose pods are what they should be: a client that writes what it has read may meet that. While an
// update is held, and after its revert, Holdfast stores another status than the controller wrote.
func unwritten(d *unstructured.Unstructured, want int64) string {
	annotations := d.GetAnnotations()
	held, failed := annotations[v1alpha1.HeldAnnotation] != "", annotations[v1alpha1.FailedAnnotation] != ""
	counts := map[string]int64{"replicas": want, "updatedReplicas": want, "availableReplicas": want}
	if held {
		counts["updatedReplicas"] = 0
	}
	if paused(d) { // the template may be newer than its pods
		delete(counts, "updatedReplicas")
	}
	if !observed(d, held, !held && failed, want) {
		return "its status is of an earlier generation"
	}
	for _, count := range []string{"replicas", "updatedReplicas", "availableReplicas"} {
		if is, counted := counts[count]; counted && integer(d, "status", count) != is {
			return fmt.Sprintf("its status counts %d %s, want %d", integer(d, "status", count), count, is)
		}
	}
	reason := workload.ReasonRolloutComplete
	switch {
	case !held && failed:
		reason = workload.ReasonDeadlineExceeded
	case paused(d):
		reason = "DeploymentPaused"
	}
	conditions, _, _ := unstructured.NestedSlice(d.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] == workload.ConditionProgressing && condition["reason"] != reason {
			return fmt.Sprintf("its status says %v", condition["reason"])
		}
	}
	return ""
}

// observed says whether the status is of the newest generation. Where tools wait by generations alone
// it stays one behind while an update is held, and is far ahead after its revert.
func observed(d *unstructured.Unstructured, held, failed bool, want int64) bool {
	is, generation := integer(d, "status", "observedGeneration"), d.GetGeneration()
	viewed := workload.Deployment{Object: d.Object}
	byGeneration := clientstate.WaitsByGeneration(viewed.Annotations(), viewed.ManagedFields())
	switch {
	case held && (byGeneration || want == 0):
		return is == generation-1
	case failed && byGeneration:
		return is == generation+farAhead
	}
	return is == generation
}
