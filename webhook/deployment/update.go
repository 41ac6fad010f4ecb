package deployment

import (
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// update is a request to create or update a Deployment.
type update struct{ decode.Update }

// withoutOwners leaves out managedFields, and the resourceVersion by which a
// client makes sure that it knows them.
func withoutOwners(d workload.Deployment) map[string]any {
	out := maps.Clone(d.Object)
	metadata, _ := d.Object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	delete(metadata, "managedFields")
	delete(metadata, "resourceVersion")
	out["metadata"] = metadata
	return out
}

// selectorOf is nil where it cannot be read; the API server refuses such an object.
func selectorOf(d workload.Deployment) *metav1.LabelSelector {
	selector, err := d.Selector()
	if err != nil {
		return nil
	}
	return selector
}

// lastApplied is what kubectl remembers of its last client-side apply.
func lastApplied(d workload.Deployment) clientstate.LastApplied {
	return clientstate.LastApplied(d.Annotation(clientstate.LastAppliedAnnotation))
}

// owned is the pod template with the owners of its fields.
func owned(d workload.Deployment) replay.Owned {
	return replay.Owned{Template: d.Template(), Owners: ownership.TemplateOwners(d.ManagedFields())}
}
