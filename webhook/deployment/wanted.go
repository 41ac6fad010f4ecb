package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/reply"
)

// wanted is the template that a request asks for.
type wanted struct {
	// wish is what the object would have if nothing were held. Its template is another
	// than the one that is wanted only where an annotation asks for an image.
	wish     intent.Desired
	ask      intent.Request
	template hold.Template
	hash     hold.Hash
	version  hold.Hash // without marks of restarts
	origin   hold.Origin
	checked  bool // template is what the API server would store
	beside   beside
}

// findWanted asks intent, then the annotation that asks for an image. It is the second
// step of an answer.
func (r *request) findWanted() (wanted, error) {
	var w wanted
	w.ask = intent.Request{Stable: owned(r.Old), Asked: owned(r.New)}
	if r.record != nil {
		w.ask.Held = &intent.Held{
			Owned:       replay.Owned{Template: r.record.AsIf(), Owners: r.record.Owners},
			LastApplied: r.record.LastApplied,
		}
		w.ask.Writer = r.writer()
	}
	wish, err := intent.Desire(w.ask)
	if err == nil && w.ask.Writer.Method == intent.Owners {
		wish.Owners, err = replay.Move(wish.Owners, r.Old.ManagedFields(), r.New.ManagedFields())
	}
	if err != nil { // by what the user sent: the templates in the cluster were merged before
		return wanted{}, reply.Refuse("spec.template: %v", err)
	}
	w.wish, w.template, w.origin = wish, wish.Template, hold.OriginTemplate
	if r.asksForImage(w.wish.Rule) {
		image, container := r.New.Annotation(v1alpha1.CanaryImageAnnotation), r.New.Annotation(v1alpha1.CanaryContainerAnnotation)
		if w.template, err = intent.WithImage(wish.Template, container, image); err != nil {
			return wanted{}, reply.Refuse("metadata.annotations[%s]: %v", v1alpha1.CanaryContainerAnnotation, err)
		}
		w.origin = hold.OriginImage
	}
	if r.record == nil && w.origin == hold.OriginTemplate { // then it is the one in the request
		w.hash, w.version = r.askedHash, r.asked
	} else if w.hash, w.version, err = r.hashes(w.template); err != nil {
		return w, err
	}
	w.beside, err = r.findBeside(w, keysOf(r.record))
	return w, err
}

// asStored takes the template as the API server stores it, if that is another
// only in what it filled in.
func (r *request) asStored(w wanted, template hold.Template, hash hold.Hash) (_ wanted, err error) {
	if w.origin != hold.OriginTemplate {
		return w, nil
	}
	if r.record == nil || hash != w.hash { // the API server named the owners; or others changed it, who own nothing
		w.wish.Template = template
		return w, nil
	}
	w.wish, err = w.ask.Stored(w.wish, template)
	return w, err
}

// asksForImage: the request brings an image in an annotation, or leaves the one
// that is held. Withdrawing and rolling back asks for none.
func (r *request) asksForImage(rule intent.Rule) bool {
	if r.New.Annotation(v1alpha1.CanaryImageAnnotation) == "" ||
		rule == intent.RuleWithdraw || rule == intent.RuleUndo || rule == intent.RuleRollback {
		return false
	}
	return r.imageChanged() || r.record != nil && r.record.Origin == hold.OriginImage
}
