package deployment

import (
	"reflect"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// The field managers by which clients are known.
const (
	kubectlApply    = "kubectl-client-side-apply"
	kubectlReplace  = "kubectl-replace"
	kubectlRollout  = "kubectl-rollout"
	kubectlAnnotate = "kubectl-annotate"
	kubectlPatch    = "kubectl-patch"
)

var (
	// manifestManagers send what a manifest says by other means than
	// server-side apply, and keep the manifest before elsewhere.
	manifestManagers = []string{"helm", "helm-controller"}
	// changeManagers change single fields. What they send is never a rollback,
	// even if it comes out as the template of an earlier revision.
	changeManagers = []string{"kubectl-set", "kubectl-edit", kubectlPatch, "kubectl-label", kubectlAnnotate}
)

// writer finds out how the client computed what it sends: by the field managers
// that kubectl's commands and Helm use, by its entry in managedFields, and by
// the manifest that client-side apply leaves on the object.
func (r *request) writer() intent.Writer {
	w := intent.Writer{Method: r.method(), By: replay.By{Manager: r.fieldManager(), APIVersion: "apps/v1"}}
	if r.read != nil {
		w.Read = r.read.AsIf()
	}
	operation := ownership.Update
	if w.Method == intent.ServerSideApply {
		operation = ownership.Apply
	}
	for _, owner := range ownership.ObjectOwners(r.New.ManagedFields()) {
		if owner.Manager == w.By.Manager && owner.Operation == operation {
			w.By.APIVersion, w.By.Time = owner.APIVersion, owner.Time
		}
	}
	for _, owner := range ownership.TemplateOwners(r.New.ManagedFields()) {
		if owner.Manager == w.By.Manager && owner.Operation == operation {
			w.Fields = owner.Fields
		}
	}
	// That there are labels at all is owned by who writes them, not by who applies them.
	w.MayNotBeSaid = ownership.Owned(r.New.ManagedFields(), ownership.Apply, r.Manager, "f:spec", "f:template", "f:metadata", "f:labels", ".")
	w.AskedForHeld = r.record.Declared == r.Manager
	w.TakesOver = slices.Contains(manifestManagers, r.Manager)
	w.NewFirst = r.Manager == kubectlPatch
	switch manifest := lastApplied(r.New).Template(); {
	case w.Method == intent.ClientSideApply:
		w.LastApplied = manifest
	case r.Manager == kubectlReplace && r.read != nil && r.asksFor(manifest): // kubectl remembers the text that it sends
		w.LastApplied = manifest
	}
	return w
}

// fieldManager is the name that the API server gives the writer: for clients that
// name none it is that of the program, which is to be found in managedFields only.
func (r *request) fieldManager() string {
	if r.Manager != "" {
		return r.Manager
	}
	if writer := replay.Writer(r.Old.ManagedFields(), r.New.ManagedFields()); writer != "" {
		return writer
	}
	if r.replacesAnnotations() { // an undo that gains nothing
		return "kubectl"
	}
	return "unknown" // as the API server says
}

func (r *request) method() intent.Method {
	switch {
	case r.movesOwners():
		return intent.Owners
	case r.operation() == ownership.Apply:
		return intent.ServerSideApply
	case r.Manager == kubectlReplace && r.read != nil && r.read.ID != r.record.ID:
		return intent.Reread
	case r.Manager == kubectlReplace && r.read != nil:
		return intent.Patch
	case r.Manager == kubectlReplace:
		return intent.Replace
	case r.undoes():
		return intent.Undo
	case r.withdraws():
		return intent.Withdraw
	case r.appliesClientSide():
		return intent.ClientSideApply
	case slices.Contains(manifestManagers, r.Manager):
		return intent.Manifest
	case r.touched() && r.history.Has(r.asked) && !slices.Contains(changeManagers, r.Manager):
		return intent.Rollback
	}
	return intent.Patch
}

// mayRollBack: if the request asks for the template of an earlier revision, that is
// what it means.
func (r *request) mayRollBack() bool {
	return r.touched() && !slices.Contains(changeManagers, r.Manager) && r.method() == intent.Patch
}

// declared is who last sent a manifest that it merged itself.
func (r *request) declared() string {
	switch {
	case slices.Contains(manifestManagers, r.Manager) && r.operation() == ownership.Update:
		return r.Manager
	case r.record != nil:
		return r.record.Declared
	}
	return ""
}

func (u update) appliesClientSide() bool {
	return u.Manager == kubectlApply && lastApplied(u.New) != "" || u.appliesAnew()
}

// appliesAnew: a manifest was applied, by whatever manager. The mark that stands
// on the object makes it another one than that of the stable template, too. The
// commands of kubectl that only edit what is remembered have the name of the
// program.
func (u update) appliesAnew() bool {
	return u.Manager != "kubectl" && lastApplied(u.New) != "" && lastApplied(u.New) != lastApplied(u.Old)
}

// movesOwners: a client edits managedFields, and nothing else.
func (u update) movesOwners() bool {
	return replay.Moves(u.Old.ManagedFields(), u.New.ManagedFields()) &&
		reflect.DeepEqual(withoutOwners(u.Old), withoutOwners(u.New))
}

// undoes: kubectl rollout undo goes from the newest revision to the one before.
// Its user takes the held update for the newest.
func (r *request) undoes() bool {
	return r.replacesAnnotations() && r.asked == r.history.Previous()
}

// replacesAnnotations: kubectl rollout undo, and what is built on it, sends the
// template and all annotations of an earlier revision, and names no manager. The
// template may be the stable one but for the time of a restart.
func (r *request) replacesAnnotations() bool {
	return r.record != nil && r.namesNobody() &&
		r.New.Annotation(v1alpha1.HeldAnnotation) != r.Old.Annotation(v1alpha1.HeldAnnotation) &&
		!reflect.DeepEqual(r.New.Template(), r.Old.Template())
}

func (u update) namesNobody() bool { return u.Manager == "" || u.Manager == kubectlRollout }

// withdraws: somebody takes the held record off by hand.
func (r *request) withdraws() bool {
	return r.record != nil && r.Manager == kubectlAnnotate && !r.touched() &&
		r.New.Annotation(v1alpha1.HeldAnnotation) == "" && !r.imageChanged()
}

// operation is how the request wrote the object, as managedFields call it.
func (u update) operation() string {
	return ownership.Operation(u.Old.ManagedFields(), u.New.ManagedFields(), u.Manager)
}

// remembered is the pod template of the manifest applied client-side last, after
// this request, if nothing were held.
func (r *request) remembered(w wanted) hold.Template {
	if r.record != nil && lastApplied(r.New) == lastApplied(r.Old) {
		if w.ask.Writer.Method == intent.Reread { // the text has what was remembered when it was read
			return r.read.LastApplied
		}
		return r.record.LastApplied
	}
	if w.wish.Manifest != nil {
		return w.wish.Manifest
	}
	return lastApplied(r.New).Template()
}
