package workload

import (
	"encoding/json"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
)

// What the deployment controller puts on its ReplicaSets. The label has the hash
// that their names end with, also where it had to look for one that is free.
const (
	RevisionAnnotation = "deployment.kubernetes.io/revision"
	TemplateHashLabel  = appsv1.DefaultDeploymentUniqueLabelKey
)

// ReplicaSet is what is looked at of one. It has no more fields than that, for
// whoever may make ReplicaSets may make many and large ones.
type ReplicaSet struct {
	Metadata struct {
		Name       string    `json:"name"`
		UID        types.UID `json:"uid"`
		Generation int64     `json:"generation"`
		Labels     struct {
			TemplateHash string `json:"pod-template-hash"`
		} `json:"labels"`
		Annotations struct {
			Revision string `json:"deployment.kubernetes.io/revision"`
		} `json:"annotations"`
		OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
	} `json:"metadata"`
	Spec struct {
		Replicas int32           `json:"replicas"`
		Template json.RawMessage `json:"template"`
	} `json:"spec"`
	Status struct {
		Replicas           int32 `json:"replicas"`
		AvailableReplicas  int32 `json:"availableReplicas"`
		ObservedGeneration int64 `json:"observedGeneration"`
		Conditions         []struct {
			Type    string `json:"type"`
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"conditions"`
	} `json:"status"`
}

// Revision is its number among the revisions of its Deployment.
func (rs ReplicaSet) Revision() int64 { return revision(rs.Metadata.Annotations.Revision) }

// revision is 0 for what is no number, and where the controller has not given one
// yet. So is one that no int64 holds: the controller takes that for 0 too, where the
// greatest number would make it the newest for good.
func revision(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Failure is why it cannot make its pods, as its condition ReplicaFailure says; "" if it can.
func (rs ReplicaSet) Failure() string {
	for _, c := range rs.Status.Conditions {
		if c.Type == string(appsv1.ReplicaSetReplicaFailure) && c.Status == string(metav1.ConditionTrue) {
			return c.Message
		}
	}
	return ""
}

// ControlledBy says whether the Deployment with this UID is its controller, having
// made or adopted it.
func (rs ReplicaSet) ControlledBy(deployment types.UID) bool {
	controller := metav1.GetControllerOf(&metav1.ObjectMeta{OwnerReferences: rs.Metadata.OwnerReferences})
	return controller != nil && controller.UID == deployment
}

// MadeFor says whether the deployment controller made it for this Deployment, by
// the name that it gives them. One that another Deployment, or somebody, made and
// left behind is adopted if its labels match; its template this Deployment may
// never have run.
//
// The controller cuts names of Deployments beyond 242 bytes. Two of them could
// share what is left, so theirs are made for none.
func (rs ReplicaSet) MadeFor(d Deployment) bool {
	hash := rs.Metadata.Labels.TemplateHash
	return hash != "" && rs.Metadata.Name == d.Name()+"-"+hash && rs.ControlledBy(d.UID())
}

// Hash is the hash of its template (see Hashes).
func (rs ReplicaSet) Hash() (hold.Hash, error) {
	hash, _, err := rs.Hashes(nil)
	return hash, err
}

// Hashes are those of its template as its Deployment has it: without the label that the
// deployment controller adds.
func (rs ReplicaSet) Hashes(marks hold.Marks) (hash, version hold.Hash, err error) {
	var template hold.Template
	if err := jsontree.Unmarshal(rs.Spec.Template, &template); err != nil {
		return "", "", fmt.Errorf("decode template of ReplicaSet %q: %w", rs.Metadata.Name, err)
	}
	unstructured.RemoveNestedField(template, "metadata", "labels", TemplateHashLabel)
	return marks.Hashes(template)
}
