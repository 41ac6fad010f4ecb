package webhook

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/status"
)

// StatusHandler answers the admission requests of the entry for
// deployments/status: it keeps tools that wait for a rollout waiting while an
// update is held, and makes them fail after its revert. It refuses nothing and
// asks nobody.
//
// The status subresource takes annotations too. What stands under Holdfast's
// keys, its own and people's, is put back: such a change would pass by the
// entries that answer for it.
type StatusHandler struct {
	// Rewrite: without it the status is stored as it was sent.
	Rewrite bool
	// Now is the clock.
	Now func() time.Time
	// Metrics count answers.
	Metrics *Metrics
}

var _ admission.Handler = (*StatusHandler)(nil)

// Handle answers one request.
func (h *StatusHandler) Handle(ctx context.Context, req admission.Request) (resp admission.Response) {
	log := ctrl.LoggerFrom(ctx) // it names object, user and request
	var patch []jsonpatch.Operation
	defer func() {
		if p := recover(); p != nil {
			log.Error(fmt.Errorf("panic: %v", p), "status not rewritten", "stack", string(debug.Stack()))
			resp = admission.Patched("", patch...) // annotations are put back all the same
		}
	}()
	u, err := decodeUpdate(req.AdmissionRequest)
	if err == nil && u.old.Object == nil {
		err = errors.New("the request has no old object")
	}
	if err != nil {
		log.Error(err, "status not rewritten")
		return admission.Allowed("")
	}
	patch = putBack(u.old.Annotations(), u.new.Annotations())
	if h.Rewrite {
		d := u.waitedFor()
		log.V(1).Info("status written", "state", d.State)
		h.Metrics.statuses.WithLabelValues(string(d.State)).Inc()
		sent := u.new.Status()
		patch = append(patch, statusPatch(sent, status.Stored(u.old.Status(), sent, d, h.Now()))...)
	}
	return admission.Patched("", patch...)
}

// waitedFor is what package status must know of the Deployment in the cluster.
// What is sent may be older.
func (u update) waitedFor() status.Deployment {
	d := status.Deployment{
		Generation:   u.old.Generation(),
		Replicas:     u.old.Replicas(),
		ByGeneration: status.ByGeneration(u.old.Annotations(), u.old.ManagedFields()),
		State:        status.Own,
	}
	switch failed := u.old.Annotation(v1alpha1.FailedAnnotation); {
	case heldHere(u.old):
		d.State = status.Held
	case failed != "" && !hold.RejectedElsewhere(u.old.Annotation(v1alpha1.RejectedAnnotation), u.old.UID()):
		d.State, d.Message = status.Rejected, rejectionMessage(u.old, hold.Hash(failed))
	}
	return d
}

// heldHere says whether an update is held, as far as can be told without the key.
// The record of another Deployment, which a copy of it was made with, holds nothing.
func heldHere(d workload.Deployment) bool {
	encoded := d.Annotation(v1alpha1.HeldAnnotation)
	label, err := hold.ReadLabel(encoded)
	return encoded != "" && (err != nil || label.UID == d.UID())
}

// rejectionMessage is what tools that print the condition show.
func rejectionMessage(d workload.Deployment, hash hold.Hash) string {
	memory, err := hold.ParseRejected(d.Annotation(v1alpha1.RejectedAnnotation), d.UID())
	rejection, found := memory.Find(hash)
	if err != nil || !found { // it was edited while no webhook was there to put it back
		return v1alpha1.RejectionMessagePrefix + "rejected the template that was last asked for"
	}
	if rejection.Passed {
		return fmt.Sprintf("%s%s passed as a dry run, nothing was released: %s", v1alpha1.RejectionMessagePrefix, rejection.Run, rejection.Message)
	}
	why := rejection.Message
	if why == "" {
		why = rejection.Reason
	}
	return fmt.Sprintf("%s%s rejected the update: %s", v1alpha1.RejectionMessagePrefix, rejection.Run, why)
}

// statusPatch names only the fields that change.
func statusPatch(sent, stored status.Status) []jsonpatch.Operation {
	if sent == nil {
		if len(stored) == 0 {
			return nil
		}
		return []jsonpatch.Operation{jsonpatch.NewOperation("add", "/status", stored)}
	}
	var ops []jsonpatch.Operation
	for field, value := range stored {
		if before, had := sent[field]; !had || !reflect.DeepEqual(before, value) {
			ops = append(ops, jsonpatch.NewOperation("add", "/status/"+field, value))
		}
	}
	for field := range sent {
		if _, stays := stored[field]; !stays {
			ops = append(ops, jsonpatch.NewOperation("remove", "/status/"+field, nil))
		}
	}
	return ops
}

// putBack is the patch that undoes changes of annotations under Holdfast's keys.
func putBack(old, sent map[string]any) []jsonpatch.Operation {
	var ops []jsonpatch.Operation
	lost := map[string]any{}
	for key, value := range old {
		if now, has := sent[key]; guard.IsOwnKey(key) && (!has || now != value) {
			lost[key] = value
		}
	}
	if len(sent) == 0 {
		if len(lost) > 0 {
			ops = append(ops, jsonpatch.NewOperation("add", "/metadata/annotations", lost))
		}
		return ops
	}
	for key, value := range lost {
		ops = append(ops, jsonpatch.NewOperation("add", annotationPath(key), value))
	}
	for key := range sent {
		if _, was := old[key]; guard.IsOwnKey(key) && !was {
			ops = append(ops, jsonpatch.NewOperation("remove", annotationPath(key), nil))
		}
	}
	return ops
}
