// Package decode reads the objects of admission requests for Deployments.
package decode

import (
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/internal/jsontree"
	"holdfast.dev/holdfast/internal/workload"
)

// Update is a request to create or update a Deployment, decoded.
type Update struct {
	// Old is what is in the cluster; its Object is nil on a create.
	Old workload.Deployment
	// New is what is to be stored.
	New workload.Deployment
	// Manager is the field manager that the request names, "" if it names none.
	Manager string
	// User is who sends it.
	User   string
	DryRun bool
}

// Request decodes a request.
func Request(req admissionv1.AdmissionRequest) (Update, error) {
	u := Update{User: req.UserInfo.Username, DryRun: req.DryRun != nil && *req.DryRun}
	if err := jsontree.Unmarshal(req.Object.Raw, &u.New.Object); err != nil {
		return Update{}, fmt.Errorf("decode object: %w", err)
	}
	if len(req.OldObject.Raw) > 0 {
		if err := jsontree.Unmarshal(req.OldObject.Raw, &u.Old.Object); err != nil {
			return Update{}, fmt.Errorf("decode old object: %w", err)
		}
	}
	if len(req.Options.Raw) > 0 {
		var options metav1.UpdateOptions
		if err := json.Unmarshal(req.Options.Raw, &options); err != nil {
			return Update{}, fmt.Errorf("decode options: %w", err)
		}
		u.Manager = options.FieldManager
	}
	return u, nil
}

// Old decodes the object that is there before a request. One that deletes a
// collection names none of its objects.
func Old(req admissionv1.AdmissionRequest) (workload.Deployment, error) {
	req.Object = req.OldObject
	u, err := Request(req)
	return u.New, err
}
