package deployment

import (
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// A text that was read from the cluster has Holdfast's annotations: those of the
// Deployment as it was then. Nothing of what they say is believed, but they tell
// what the text is: the Deployment that its writer has read, and changed.
//
// Where the text has the record of the hold that stands, its writer has read the
// stable template with the held one beside it. What is asked for is the change
// that was made to it, as with kubectl edit. So it is where the hold that stands
// was asked for by a text with that record: the same text is sent again, or was
// changed further, or changed back. Its writer has read what was held then: the
// change is made to that, and nothing is left of what an earlier sending brought.
// With any other record the text is older than what is held: it asks for the
// template that stands in it.

// textAnnotation is what the text of a request says under an annotation of Holdfast's, ""
// if it says nothing. A patch has no text: what the object says after it does
// tells nothing of its writer.
func (u update) textAnnotation(annotation string) string {
	switch {
	case u.operation() == ownership.Apply:
		// One that changes nothing of what is Helm's looks like an apply (see Writer.MayNotBeSaid).
		if slices.Contains(manifestManagers, u.Manager) ||
			!ownership.Owned(u.New.ManagedFields(), ownership.Apply, u.Manager, "f:metadata", "f:annotations", "f:"+annotation) {
			return ""
		}
		return u.New.Annotation(annotation)
	case u.appliesClientSide():
		return lastApplied(u.New).Annotation(annotation)
	case u.Manager == kubectlReplace:
		return u.New.Annotation(annotation)
	}
	return ""
}

// recordRead is the record of the hold during which the text of the request was read,
// where that is the one that stands or the one that its text was read during; else
// nil. A record may have been written anew since, for a restart say.
func (r *request) recordRead() *hold.Record {
	text := r.textAnnotation(v1alpha1.HeldAnnotation)
	if r.record == nil || text == "" {
		return nil
	}
	if text == r.Old.Annotation(v1alpha1.HeldAnnotation) {
		return r.record
	}
	opened, err := r.key.Open(text, r.Old.UID())
	record := opened.Newest()
	if err != nil || record.ID != r.record.ID && record.ID != r.record.Read {
		return nil
	}
	return &record
}

// readDuring is the ID of the hold during which the text was read, "" if it is none of those.
func (r *request) readDuring() string {
	if r.read == nil {
		return ""
	}
	return r.read.ID
}

// readFailure says whether the request sends a text that was read while the
// failure that stands was there already: it asks for no template by that.
func (u update) readFailure() bool {
	failed := u.Old.Annotation(v1alpha1.FailedAnnotation)
	return failed != "" && u.textAnnotation(v1alpha1.FailedAnnotation) == failed
}

// stale is a record that the request brings and that is of no hold there is: the
// text was read while another update was held, or of another Deployment. It is
// nil if there is none. What a rollback brings back with the annotations of an
// earlier revision is no text.
func (r *request) stale() *hold.Label {
	sent := r.New.Annotation(v1alpha1.HeldAnnotation)
	undoes := r.replacesAnnotations() || r.namesNobody() && r.touched() && r.history.Has(r.asked)
	if sent == "" || sent == r.Old.Annotation(v1alpha1.HeldAnnotation) || r.read != nil || undoes {
		return nil
	}
	label, err := hold.ReadLabel(sent)
	if err != nil { // made up by hand
		return nil
	}
	return &label
}

// declaresTemplate says whether the request carries a template that it wants,
// even where it is the one in the cluster. A patch that leaves it alone does not,
// nor does a text that was read from the cluster.
func (r *request) declaresTemplate() bool {
	if r.readFailure() {
		return false
	}
	switch r.method() {
	case intent.ServerSideApply:
		return ownership.Owned(r.New.ManagedFields(), ownership.Apply, r.Manager, "f:spec", "f:template")
	case intent.ClientSideApply:
		return lastApplied(r.New).Template() != nil
	case intent.Manifest, intent.Replace:
		return true
	}
	return false
}
