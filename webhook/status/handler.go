// Package status answers the writes of the status of Deployments.
package status

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"gomodules.xyz/jsonpatch/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
	"holdfast.dev/holdfast/webhook/patch"
	"holdfast.dev/holdfast/webhook/status/rewrite"
)

// Handler answers the admission requests of the entry for
// deployments/status: it keeps tools that wait for a rollout waiting while an
// update is held, and makes them fail after its revert. It refuses nothing and
// asks nobody.
//
// The status subresource takes annotations too. What stands under Holdfast's
// keys, its own and people's, is put back: such a change would pass by the
// entries that answer for it.
type Handler struct {
	// Rewrite: without it the status is stored as it was sent.
	Rewrite bool
	// Now is the clock.
	Now func() time.Time
	// Metrics count answers.
	Metrics *Metrics
}

var _ admission.Handler = (*Handler)(nil)

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) (resp admission.Response) {
	log := ctrl.LoggerFrom(ctx) // it names object, user and request
	var ops []jsonpatch.Operation
	defer func() {
		if p := recover(); p != nil {
			log.Error(fmt.Errorf("panic: %v", p), "status not rewritten", "stack", string(debug.Stack()))
			resp = admission.Patched("", ops...) // annotations are put back all the same
		}
	}()
	u, err := decode.Request(req.AdmissionRequest)
	if err == nil && u.Old.Object == nil {
		err = errors.New("the request has no old object")
	}
	if err != nil {
		log.Error(err, "status not rewritten")
		return admission.Allowed("")
	}
	annotations := restoreOwnKeys(u.Old.Annotations(), u.New.Annotations())
	ops = patch.Fields(patch.Annotations, u.New.Annotations(), annotations)
	if h.Rewrite {
		d := statusInput(u.Old)
		log.V(1).Info("status written", "state", d.State)
		h.Metrics.writes.WithLabelValues(string(d.State)).Inc()
		sent := u.New.Status()
		status := rewrite.Stored(u.Old.Status(), sent, d, h.Now())
		ops = append(ops, patch.Fields(patch.Status, sent, status)...)
		ops = append(ops, unwrittenOwners(u, annotations, status)...)
	}
	return admission.Patched("", ops...)
}

// HandleLarge implements serving.LargeHandler. What the deployment controller writes of a Deployment that is
// too large to be read is stored as it is sent; what others write could change Holdfast's annotations, and is
// refused.
func (h *Handler) HandleLarge(_ context.Context, req admission.Request) (admission.Response, bool) {
	switch req.UserInfo.Username {
	case "system:serviceaccount:kube-system:deployment-controller", "system:kube-controller-manager":
		return admission.Allowed(""), true
	}
	return admission.Response{}, false
}

// statusInput is what package rewrite must know of the Deployment in the cluster.
// What is sent may be older.
func statusInput(old workload.Deployment) rewrite.Deployment {
	d := rewrite.Deployment{
		Generation:   old.Generation(),
		Replicas:     old.Replicas(),
		ByGeneration: clientstate.WaitsByGeneration(old.Annotations(), old.ManagedFields()),
		State:        rewrite.Own,
	}
	switch failed := old.Annotation(v1alpha1.FailedAnnotation); {
	case heldHere(old):
		d.State = rewrite.Held
	case failed != "" && !hold.RejectedElsewhere(old.Annotation(v1alpha1.RejectedAnnotation), old.UID()):
		d.State, d.Message = rewrite.Rejected, rejectionMessage(old, hold.Hash(failed))
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
	rejection, found := memory.Find(hash, "")
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

// restoreOwnKeys are annotations as they were sent, but for those under Holdfast's
// keys, which are the old ones.
func restoreOwnKeys(old, sent map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range sent {
		if !guard.IsOwnKey(key) {
			out[key] = value
		}
	}
	for key, value := range old {
		if guard.IsOwnKey(key) {
			out[key] = value
		}
	}
	return out
}
