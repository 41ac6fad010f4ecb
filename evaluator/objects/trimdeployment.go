package objects

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// How much is kept of what people write into a Deployment, in bytes.
const (
	maxSelector        = 2 << 10
	maxPlanAnnotations = 4 << 10
)

// The annotations of a Deployment that are looked at again and again. The others
// under Holdfast's keys are read when a run is made.
var (
	shortAnnotations = []string{
		v1alpha1.CanaryAnnotation, v1alpha1.StartAtAnnotation, v1alpha1.StableAnnotation, v1alpha1.FailedAnnotation, v1alpha1.RestartedAnnotation, v1alpha1.BesideRecreateAnnotation, v1alpha1.ToldAnnotation,
		workload.RevisionAnnotation,
	}
	longAnnotations = []string{v1alpha1.RejectedAnnotation, v1alpha1.SkippedAnnotation, v1alpha1.UntriedAnnotation}
)

// maxShort is how much is kept of a short one.
const maxShort = 512

// unsealed stands for a held record that Holdfast did not seal for its Deployment: what
// that says of itself. It does not open either.
func unsealed(record string) string {
	label, err := hold.ReadLabel(record)
	if err != nil {
		return noRecord
	}
	text, err := json.Marshal(label)
	if err != nil || len(text) > maxShort {
		return noRecord
	}
	return string(text)
}

// noRecord stands for what is no record at all.
const noRecord = "{}"

// trimDeployment leaves what is read of a Deployment, and instead of its pod template
// the hash. A template that has none (it is no object) leaves none behind.
func trimDeployment(key hold.Key) cache.TransformFunc {
	return func(object any) (any, error) {
		u, ok := object.(*unstructured.Unstructured)
		if !ok {
			return object, nil
		}
		spec, ok := u.Object["spec"].(map[string]any)
		if !ok {
			return object, nil
		}
		template, ok := spec["template"].(map[string]any)
		if !ok { // a transform may see an object twice
			return object, nil
		}
		small := fields(spec, "replicas", "paused", "minReadySeconds", "progressDeadlineSeconds", "strategy")
		if hash, err := hold.HashOf(template); err == nil {
			small[templateHashField] = string(hash)
		}
		if selector, err := json.Marshal(spec["selector"]); err == nil && len(selector) <= maxSelector {
			small["selector"] = spec["selector"]
		}
		metadata, _ := u.Object["metadata"].(map[string]any)
		out := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": u.Object["apiVersion"], "kind": u.Object["kind"], "spec": small,
			"metadata": fields(metadata, "namespace", "name", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp"),
		}}
		annotations := trimAnnotations(u.GetAnnotations())
		if record, there := annotations[v1alpha1.HeldAnnotation]; there && !key.Sealed(record, u.GetUID()) {
			annotations[v1alpha1.HeldAnnotation] = unsealed(record)
		}
		out.SetLabels(labelsOrMark(u.GetLabels()))
		out.SetAnnotations(annotations)
		if status, ok := u.Object["status"].(map[string]any); ok {
			out.Object["status"] = trimStatus(status)
		}
		return out, nil
	}
}

// trimAnnotations leaves Holdfast's own and the revision: others are as long as
// people like. Those that are a plan are left out together where they are long, and a
// digest of them stays, for a change of them to be seen.
func trimAnnotations(annotations map[string]string) map[string]string {
	out, plan := map[string]string{}, map[string]string{}
	for key, value := range annotations {
		switch {
		case key == v1alpha1.HeldAnnotation:
			out[key] = value
		case slices.Contains(shortAnnotations, key):
			out[key] = cut(value, maxShort)
		case slices.Contains(longAnnotations, key):
			out[key] = cut(value, maxAnnotation)
		case guard.IsOwnKey(key):
			plan[key] = value
		}
	}
	if bytesOf(plan) > maxPlanAnnotations {
		text, _ := json.Marshal(plan) // in the order of keys
		sum := sha256.Sum256(text)
		plan = map[string]string{planNotKept: hex.EncodeToString(sum[:])}
	}
	maps.Copy(out, plan)
	return out
}

func trimStatus(status map[string]any) map[string]any {
	out := fields(status, workload.ObservedGeneration, workload.Replicas, workload.UpdatedReplicas, workload.AvailableReplicas)
	conditions, _ := status["conditions"].([]any)
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == workload.ConditionProgressing {
			reason, _ := c["reason"].(string)
			message, _ := c["message"].(string)
			out["conditions"] = []any{map[string]any{"type": c["type"], "reason": cut(reason, maxWords), "message": cut(message, maxWords)}}
		}
	}
	return out
}

// fields takes some fields of an object.
func fields(object map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if value, there := object[name]; there {
			out[name] = value
		}
	}
	return out
}
