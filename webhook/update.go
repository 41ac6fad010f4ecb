package webhook

import (
	"encoding/json"
	"fmt"
	"maps"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/clientstate"
	"holdfast.dev/holdfast/webhook/ownership"
	"holdfast.dev/holdfast/webhook/replay"
)

// update is a request to create or update a Deployment, decoded.
type update struct {
	old, new workload.Deployment // old.Object is nil on a create
	manager  string              // the field manager
	user     string
	dryRun   bool
}

func decodeUpdate(req admissionv1.AdmissionRequest) (update, error) {
	u := update{user: req.UserInfo.Username, dryRun: req.DryRun != nil && *req.DryRun}
	if err := utiljson.Unmarshal(req.Object.Raw, &u.new.Object); err != nil {
		return update{}, fmt.Errorf("decode object: %w", err)
	}
	if len(req.OldObject.Raw) > 0 {
		if err := utiljson.Unmarshal(req.OldObject.Raw, &u.old.Object); err != nil {
			return update{}, fmt.Errorf("decode old object: %w", err)
		}
	}
	if len(req.Options.Raw) > 0 {
		var options metav1.UpdateOptions
		if err := json.Unmarshal(req.Options.Raw, &options); err != nil {
			return update{}, fmt.Errorf("decode options: %w", err)
		}
		u.manager = options.FieldManager
	}
	return u, nil
}

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
