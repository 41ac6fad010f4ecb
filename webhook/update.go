package webhook

import (
	"encoding/json"
	"fmt"
	"maps"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/clientstate"
	"holdfast.dev/holdfast/webhook/ownership"
	"holdfast.dev/holdfast/webhook/replay"
)

// deployment is a Deployment as raw JSON: fields that are newer than the client
// library are kept as they are.
type deployment struct{ object map[string]any }

// update is a request to create or update a Deployment, decoded.
type update struct {
	old, new deployment // old.object is nil on a create
	manager  string     // the field manager
	user     string
	dryRun   bool
}

func decodeUpdate(req admissionv1.AdmissionRequest) (update, error) {
	u := update{user: req.UserInfo.Username, dryRun: req.DryRun != nil && *req.DryRun}
	if err := utiljson.Unmarshal(req.Object.Raw, &u.new.object); err != nil {
		return update{}, fmt.Errorf("decode object: %w", err)
	}
	if len(req.OldObject.Raw) > 0 {
		if err := utiljson.Unmarshal(req.OldObject.Raw, &u.old.object); err != nil {
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

func (d deployment) uid() types.UID {
	uid, _, _ := unstructured.NestedString(d.object, "metadata", "uid")
	return types.UID(uid)
}

func (d deployment) name() string {
	name, _, _ := unstructured.NestedString(d.object, "metadata", "name")
	return name
}

// goes says whether its deletion was asked for, and something keeps it still.
func (d deployment) goes() bool {
	_, found, _ := unstructured.NestedString(d.object, "metadata", "deletionTimestamp")
	return found
}

func (d deployment) template() hold.Template {
	spec, _ := d.object["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}

func (d deployment) annotations() map[string]any {
	metadata, _ := d.object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	return annotations
}

// annotation is "" where there is none.
func (d deployment) annotation(key string) string {
	value, _ := d.annotations()[key].(string)
	return value
}

func (d deployment) managedFields() ownership.Entries {
	metadata, _ := d.object["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	return entries
}

// withoutOwners leaves out managedFields, and the resourceVersion by which a
// client makes sure that it knows them.
func (d deployment) withoutOwners() map[string]any {
	out := maps.Clone(d.object)
	metadata, _ := d.object["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	delete(metadata, "managedFields")
	delete(metadata, "resourceVersion")
	out["metadata"] = metadata
	return out
}

// status is nil where there is none.
func (d deployment) status() map[string]any {
	status, _ := d.object["status"].(map[string]any)
	return status
}

func (d deployment) generation() int64 {
	generation, _, _ := unstructured.NestedInt64(d.object, "metadata", "generation")
	return generation
}

// selector is nil where it cannot be read; the API server refuses such an object.
func (d deployment) selector() *metav1.LabelSelector {
	spec, _ := d.object["spec"].(map[string]any)
	data, err := json.Marshal(spec["selector"])
	if err != nil {
		return nil
	}
	var selector *metav1.LabelSelector
	if err := json.Unmarshal(data, &selector); err != nil {
		return nil
	}
	return selector
}

func (d deployment) replicas() int64 {
	replicas, found, _ := unstructured.NestedInt64(d.object, "spec", "replicas")
	if !found {
		return 1
	}
	return replicas
}

// ready is how many pods are Ready. Available would depend on minReadySeconds,
// which may be longer than any canary.
func (d deployment) ready() int64 {
	ready, _, _ := unstructured.NestedInt64(d.object, "status", "readyReplicas")
	return ready
}

// lastApplied is what kubectl remembers of its last client-side apply.
func (d deployment) lastApplied() clientstate.LastApplied {
	return clientstate.LastApplied(d.annotation(clientstate.LastAppliedAnnotation))
}

// owned is the pod template with the owners of its fields.
func (d deployment) owned() replay.Owned {
	return replay.Owned{Template: d.template(), Owners: ownership.OfTemplate(d.managedFields())}
}

// optedOut says whether the Deployment asks not to be guarded; byNamespace says
// that its namespace is guarded.
func (d deployment) optedOut(byNamespace bool) bool {
	switch d.annotation(v1alpha1.CanaryAnnotation) {
	case v1alpha1.CanaryDisabled:
		return true
	case v1alpha1.CanaryEnabled:
		return false
	}
	return !byNamespace
}
