// Package intent answers one question: which pod template does a request ask
// for? It is pure.
//
// While an update is held, the object in the cluster is not what its user last
// asked for, so every client computes its next request against the wrong base.
// Desire answers as if it were not: it finds out what the client did, and does
// it again on the held template and its owners.
package intent

import (
	"reflect"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
)

// Request is what must be known of an update of a Deployment.
type Request struct {
	// Stable is the pod template of the object in the cluster, with its owners.
	Stable replay.Owned
	// Asked is the pod template of the object in the request, after the client's
	// own merge and with the API's defaults; its owners are those that the API
	// server worked out.
	Asked replay.Owned
	// Held is the held template, nil if there is none.
	Held *Held
	// Writer is who sends the request, and how.
	Writer Writer
}

// Held is what the object in the cluster would have if nothing were held.
type Held struct {
	replay.Owned
	// LastApplied is the pod template of the manifest that was applied
	// client-side last, nil if there is none.
	LastApplied hold.Template
}

// Writer is how a request came to its template.
type Writer struct {
	// Method is how the client computes what it sends.
	Method Method
	// By is the field manager.
	By replay.By
	// Fields of the asked template are the manager's own after the request, in
	// FieldsV1 form. They are used for ServerSideApply and Manifest.
	Fields map[string]any
	// LastApplied is the pod template of the manifest, for ClientSideApply; or what
	// kubectl remembers of a text that was read during a hold, for Reread and Patch.
	LastApplied hold.Template
	// MayNotBeSaid: of its fields those that have the API's defaults may be none that
	// it sent, for ServerSideApply: they were written by updates, and the manager
	// became their applier later. An apply of its own would have left only what it
	// sends. But Helm 3 and 4 go by one name, and a patch of Helm 3's that changes
	// nothing looks like an apply.
	MayNotBeSaid bool
	// TakesOver: what the manager wrote by other means becomes part of what it
	// applied before, for ServerSideApply.
	TakesOver bool
	// Read: what is sent is the text of the Deployment as it was read while this template
	// was held, with changes, for ClientSideApply and ServerSideApply. Had nothing been held, its
	// writer would have read this. What is held now may be that with the same changes, for
	// kubectl sends a text twice to take over what it had applied client-side. For Reread it was
	// held before, and the text has none of what was changed since. Nil if it is no such text.
	Read hold.Template
	// NewFirst: what is new in a list stands first, for Patch. It does in what the
	// API server makes of a patch that does not speak of order.
	NewFirst bool
	// AskedForHeld: the held template is this manager's wish, for Manifest.
	AskedForHeld bool
}

// Method is how a client computes the template it sends.
type Method string

const (
	// ServerSideApply: the API server merged a whole manifest by the owners of
	// fields.
	ServerSideApply Method = "ServerSideApply"
	// ClientSideApply: kubectl merged a whole manifest three ways, by the one it
	// had applied before.
	ClientSideApply Method = "ClientSideApply"
	// Manifest: a whole manifest was merged three ways by a client that keeps the
	// one before elsewhere, as Helm 3 does.
	Manifest Method = "Manifest"
	// Replace: the whole object was sent.
	Replace Method = "Replace"
	// Reread: the whole object was sent, as it was read during the hold from whose text
	// the one that stands was asked for.
	Reread Method = "Reread"
	// Withdraw: the held record was taken off by hand.
	Withdraw Method = "Withdraw"
	// Undo: kubectl rollout undo to the revision before the stable one. Its user
	// takes the held update for the newest revision, and wants the one before that.
	Undo Method = "Undo"
	// Rollback: the template of a ReplicaSet that the Deployment owns was sent.
	Rollback Method = "Rollback"
	// Owners: nothing was changed but who owns what.
	Owners Method = "Owners"
	// Patch: something was changed in what the client read or did not read.
	Patch Method = "Patch"
)

// Rule is by which rule the template was found.
type Rule string

// The rules.
const (
	RuleNoHold          Rule = "NoHold"          // nothing is held: what was asked for
	RuleServerSideApply Rule = "ServerSideApply" // the same apply on the held template
	RuleClientSideApply Rule = "ClientSideApply" // kubectl's three-way merge, onto the held template
	RuleManifest        Rule = "Manifest"        // the same with what the client owns, on the held template
	RuleReplace         Rule = "Replace"         // what was asked for
	RuleReread          Rule = "Reread"          // the change from stable to asked, made to what was held when it was read
	RuleWithdraw        Rule = "Withdraw"        // the stable template
	RuleUndo            Rule = "Undo"            // the stable template
	RuleRollback        Rule = "Rollback"        // what was asked for
	RuleUntouched       Rule = "Untouched"       // the held template
	RuleDifference      Rule = "Difference"      // the change from stable to asked, made to the held template
)

// Desired is what a request asks for.
type Desired struct {
	// Template and its owners, as they would be if nothing were held.
	replay.Owned
	// Rule says how they were found.
	Rule Rule
	// Taken are the fields that a server-side apply takes from other managers.
	// Without force the API server would have refused it, had it seen them.
	Taken []replay.Conflict
	// Manifest is the pod template of the manifest that was applied client-side, if
	// that would have been another one had nothing been held.
	Manifest hold.Template
}

// Desire returns what a request asks for. It fails on templates that cannot be merged.
func Desire(r Request) (Desired, error) {
	if r.Held == nil {
		return Desired{Owned: r.Asked, Rule: RuleNoHold}, nil
	}
	switch r.Writer.Method {
	case ServerSideApply:
		return r.serverSideApply()
	case ClientSideApply:
		return r.clientSideApply()
	case Manifest:
		return r.manifest()
	case Replace:
		return r.changed(r.Asked.Template, RuleReplace, nil)
	case Reread:
		merged, err := r.rebase(r.Asked.Template)
		d, err := r.changed(merged, RuleReread, err)
		return r.remembering(d, r.Writer.Read, err)
	case Withdraw:
		return Desired{Owned: r.Stable, Rule: RuleWithdraw}, nil
	case Undo:
		return r.changed(r.Stable.Template, RuleUndo, nil)
	case Rollback:
		return r.changed(r.Asked.Template, RuleRollback, nil)
	}
	if reflect.DeepEqual(r.Stable.Template, r.Asked.Template) {
		return r.remembering(Desired{Owned: r.Held.Owned, Rule: RuleUntouched}, r.Held.Template, nil)
	}
	merged, err := transplant(r.Stable.Template, r.Asked.Template, r.Held.Template, r.Writer.NewFirst)
	d, err := r.changed(merged, RuleDifference, err)
	return r.remembering(d, r.Held.Template, err)
}

// remembering adds what kubectl would remember of a text that it sends, had its
// writer read what was held: without what the API server fills into what is new in it.
func (r Request) remembering(d Desired, read hold.Template, err error) (Desired, error) {
	if err != nil || r.Writer.Read == nil || r.Writer.LastApplied == nil {
		return d, err
	}
	d.Manifest, err = transplant(r.Stable.Template, r.Writer.LastApplied, read, false)
	return d, err
}

// Stored is what was found, with the template as the API server stores it: what
// it fills in belongs to whoever changed the template, unless by server-side apply.
func (r Request) Stored(d Desired, as hold.Template) (Desired, error) {
	d.Template = as
	switch d.Rule {
	case RuleClientSideApply, RuleManifest, RuleReplace, RuleReread, RuleRollback, RuleDifference:
		owned, err := replay.Update(r.Held.Owned, as, r.Writer.By)
		if err != nil {
			return Desired{}, err
		}
		d.Owners = owned.Owners
	}
	return d, nil
}

// rebase returns a text as it would be if its writer had read what was held, and
// made the same changes to it.
func (r Request) rebase(text hold.Template) (hold.Template, error) {
	return transplant(r.Stable.Template, text, r.Writer.Read, false)
}

func (r Request) clientSideApply() (Desired, error) {
	manifest := r.Writer.LastApplied
	reread := r.Writer.Read != nil && manifest != nil
	if reread {
		var err error
		if manifest, err = r.rebase(manifest); err != nil {
			return Desired{}, err
		}
	}
	merged, err := threeWayMerge(r.Held.LastApplied, manifest, r.Held.Template)
	d, err := r.changed(merged, RuleClientSideApply, err)
	if reread {
		d.Manifest = manifest
	}
	return d, err
}

func (r Request) manifest() (Desired, error) {
	if err := appliable(r.Stable.Template, r.Asked.Template, r.Held.Template); err != nil {
		return Desired{}, err
	}
	sent := replay.Manifest{Stable: r.Stable.Template, Merged: r.Asked.Template, Fields: r.Writer.Fields, AskedForHeld: r.Writer.AskedForHeld}
	before, now, err := replay.Manifests(r.Held.Owned, sent, r.Writer.By)
	if err != nil {
		return Desired{}, err
	}
	merged, err := threeWayMerge(before, now, r.Held.Template)
	return r.changed(merged, RuleManifest, err)
}

func (r Request) serverSideApply() (Desired, error) {
	if err := appliable(r.Stable.Template, r.Asked.Template, r.Held.Template); err != nil {
		return Desired{}, err
	}
	fields, held := r.Writer.Fields, r.Held.Owned
	var err error
	if r.Writer.MayNotBeSaid && r.Writer.Read == nil { // such a text says all there is
		if fields, err = replay.Said(r.Asked.Template, fields); err != nil {
			return Desired{}, err
		}
	}
	sent, err := replay.Configuration(r.Asked.Template, fields)
	if err != nil {
		return Desired{}, err
	}
	// A text with nothing is one from which all was taken off, unless there was nothing in it to begin with.
	if r.Writer.Read != nil && (len(sent) > 0 || len(r.Stable.Template) == 0) {
		if sent, err = r.rebase(sent); err != nil {
			return Desired{}, err
		}
		if fields, err = replay.FieldsOf(sent); err != nil {
			return Desired{}, err
		}
	}
	if r.Writer.TakesOver {
		if held.Owners, err = replay.TakeOver(held.Owners, r.Writer.By); err != nil {
			return Desired{}, err
		}
	}
	owned, taken, err := replay.Apply(held, sent, fields, r.Writer.By)
	return Desired{Owned: owned, Rule: RuleServerSideApply, Taken: taken}, err
}

// changed makes the writer the owner of what it changes of the held template.
func (r Request) changed(to hold.Template, rule Rule, err error) (Desired, error) {
	if err != nil {
		return Desired{}, err
	}
	owned, err := replay.Update(r.Held.Owned, to, r.Writer.By)
	return Desired{Owned: owned, Rule: rule}, err
}
