package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/guard"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// stay keeps the stable template, the owners of its fields and what clients
// remember of it. A restart of it passes.
func (o *outcome) stay() {
	o.lastApplied = lastApplied(o.r.Old).Template()
	if o.r.touched() {
		o.template = o.r.Old.Template()
		o.managedFields = o.assignOwners(ownership.TemplateOwners(o.r.Old.ManagedFields()))
		return
	}
	o.markRestarted(o.r.askedHash)
}

// stayBeside keeps what stands beside the stable template.
func (o *outcome) stayBeside() { o.place(standing(o.r.Old, o.w.beside.keys), o.r.update) }

// markRestarted: the stable template gets marks of a restart, by which its hash becomes this one.
// To the evaluator it is known as before. What other webhooks make of it is not known (see stampOf).
func (o *outcome) markRestarted(hash hold.Hash) {
	if hash == o.r.stableHash {
		return
	}
	o.set(v1alpha1.RestartedAnnotation, o.r.key.SealAlias(hold.Alias{Hash: hash, Of: o.r.alias().Resolve(o.r.stableHash)}, o.r.Old.UID()))
	o.stamp(hold.Passing(hash, o.r.Old.Generation()))
}

// stampOf is the stamp for a template that passes. What was stored, held or
// checked before is stored as it is. Other webhooks may still change anything
// else: the evaluator gives it the stamp of what was stored.
func (o *outcome) stampOf() hold.Stamp {
	if o.w.checked || o.r.heldHash == o.w.hash || o.r.history.Stored(o.w.hash) {
		return hold.Stamp{Hash: o.w.hash}
	}
	return hold.Passing(o.w.hash, o.r.Old.Generation())
}

func (o *outcome) stamp(s hold.Stamp) {
	o.set(v1alpha1.StableAnnotation, o.r.key.SealStamp(s, o.r.Old.UID()))
}

// stampOptIn vouches for what runs when its owners have it guarded: it had no stamp until now, and to the
// evaluator a Deployment without one is new, or somebody took it off.
func (o *outcome) stampOptIn(byNamespace bool) {
	guarded := func(of workload.Deployment) bool {
		return o.r.demands.Guarded() || guard.Chosen(of.Annotation(v1alpha1.CanaryAnnotation), byNamespace)
	}
	_, stamped := o.r.key.OpenStamp(text(o.annotations, v1alpha1.StableAnnotation), o.r.Old.UID())
	if !stamped && guarded(o.r.New) && !guarded(o.r.Old) {
		o.stamp(hold.Passing(o.r.stableHash, o.r.Old.Generation()))
	}
}

// knownAs is the hash by which a template is known that is about to pass: that under which it
// is tried, or has passed, if nothing but marks of a restart came to it since.
func (o *outcome) knownAs() hold.Hash {
	switch {
	case o.w.version == o.r.stable:
		return o.r.alias().Resolve(o.r.stableHash)
	case o.r.record != nil && o.w.version == o.r.held:
		return o.r.record.Hash
	}
	return o.w.hash
}

// alias says by which other hash the stable template is known.
func (r *request) alias() hold.Alias {
	return r.key.OpenAlias(r.Old.Annotation(v1alpha1.RestartedAnnotation), r.Old.UID())
}

// assignOwners gives the fields of the template to these owners.
func (o *outcome) assignOwners(owners []hold.Owner) ownership.Entries {
	return ownership.WithTemplate(o.r.New.ManagedFields(), o.r.Old.ManagedFields(), owners)
}
