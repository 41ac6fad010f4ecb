package deployment

import (
	"maps"
	"reflect"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/intent"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Some annotations of a Deployment tell of its template: kubernetes.io/change-cause,
// and those that a plan names. They are treated as a part of it: held with it, changed
// by the requests that come meanwhile, and put in place by its release. So package intent
// answers for them too, by way of a template that has nothing but them.

// beside is what stands, or is asked for, beside a template.
type beside struct {
	keys        []string
	annotations map[string]string
	owners      []hold.Owner
	lastApplied map[string]string
}

// standing is what an object has.
func standing(d workload.Deployment, keys []string) beside {
	b := beside{keys: keys, annotations: map[string]string{}, lastApplied: lastApplied(d).Annotations(keys)}
	for _, key := range keys {
		if value, is := d.Annotations()[key].(string); is {
			b.annotations[key] = value
		}
	}
	b.owners = ownership.AnnotationOwners(d.ManagedFields(), keys)
	return b
}

// recorded is what a record holds under these keys; what it does not hold stands on the object.
func recorded(r hold.Record, on workload.Deployment, keys []string) beside {
	if r.Beside == nil {
		return standing(on, keys)
	}
	more := slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return slices.Contains(r.Beside.Keys, key) })
	b := standing(on, more)
	b.keys = keys
	maps.Copy(b.annotations, r.Beside.Annotations)
	maps.Copy(b.lastApplied, r.Beside.LastApplied)
	b.owners = ownership.Joined(b.owners, r.Beside.Owners)
	return b
}

func keysOf(r *hold.Record) []string {
	if r == nil || r.Beside == nil {
		return hold.BesideKeys(nil)
	}
	return r.Beside.Keys
}

// inRecord is what a record says of it: nothing, if it is what stands on the object anyway, and
// will when the record's turn comes: not where another update is released before.
func (b beside) inRecord(object beside, waits bool) *hold.Beside {
	if !waits && b.same(object) && slices.Equal(b.keys, hold.BesideKeys(nil)) {
		return nil
	}
	return &hold.Beside{Keys: b.keys, Annotations: b.annotations, Owners: b.owners, LastApplied: b.lastApplied}
}

func (b beside) same(as beside) bool {
	return maps.Equal(b.annotations, as.annotations) && maps.Equal(b.lastApplied, as.lastApplied) &&
		replay.SameOwners(templateWith(b.annotations), b.owners, as.owners)
}

func (b beside) owned() replay.Owned {
	return replay.Owned{Template: templateWith(b.annotations), Owners: b.owners}
}

func templateWith(annotations map[string]string) hold.Template {
	if len(annotations) == 0 {
		return hold.Template{}
	}
	values := make(map[string]any, len(annotations))
	for key, value := range annotations {
		values[key] = value
	}
	return hold.Template{"metadata": map[string]any{"annotations": values}}
}

func annotationsIn(t hold.Template, keys []string) map[string]string {
	metadata, _ := t["metadata"].(map[string]any)
	values, _ := metadata["annotations"].(map[string]any)
	out := map[string]string{}
	for _, key := range keys {
		if value, is := values[key].(string); is {
			out[key] = value
		}
	}
	return out
}

// findBeside finds what a request asks for beside the template, as the template is found.
func (r *request) findBeside(w wanted, keys []string) (beside, error) {
	stable, asked := standing(r.Old, keys), standing(r.New, keys)
	if r.record == nil {
		return asked, nil
	}
	held := recorded(*r.record, r.Old, keys)
	ask := intent.Request{Stable: stable.owned(), Asked: asked.owned(), Writer: r.writerBeside(w.ask.Writer, asked)}
	ask.Held = &intent.Held{Owned: held.owned(), LastApplied: templateWith(held.lastApplied)}
	wish, err := intent.Desire(ask)
	if err == nil && ask.Writer.Method == intent.Owners {
		wish.Owners, err = replay.Move(wish.Owners, r.Old.ManagedFields(), r.New.ManagedFields())
	}
	if err != nil {
		return beside{}, err
	}
	out := beside{keys: keys, annotations: annotationsIn(wish.Template, keys), owners: ownership.OnlyAnnotations(wish.Owners, keys), lastApplied: asked.lastApplied}
	switch {
	case lastApplied(r.New) == lastApplied(r.Old):
		out.lastApplied = held.lastApplied
	case wish.Manifest != nil:
		out.lastApplied = annotationsIn(wish.Manifest, keys)
	case r.Manager == kubectlReplace && r.read != nil && maps.Equal(asked.lastApplied, asked.annotations):
		out.lastApplied = out.annotations // see remembered
	}
	return out, nil
}

// writerBeside is the writer of a template as that of what stands beside it.
func (r *request) writerBeside(w intent.Writer, asked beside) intent.Writer {
	w.MayNotBeSaid, w.LastApplied = false, nil
	w.Fields = map[string]any{}
	operation := ownership.Update
	if w.Method == intent.ServerSideApply {
		operation = ownership.Apply
	}
	for _, owner := range asked.owners {
		if owner.Manager == w.By.Manager && owner.Operation == operation {
			w.Fields = owner.Fields
		}
	}
	if r.read != nil {
		w.Read = templateWith(recorded(*r.read, r.Old, asked.keys).annotations)
	}
	if w.Method == intent.ClientSideApply {
		w.LastApplied = templateWith(asked.lastApplied)
	}
	return w
}

// place has this stand beside the template.
func (a *amendment) place(b beside, u update) {
	if b.same(standing(u.New, b.keys)) {
		return
	}
	for _, key := range b.keys {
		delete(a.annotations, key)
	}
	for key, value := range b.annotations { // which may be empty, and stay
		a.annotations[key] = value
	}
	a.managedFields = ownership.WithAnnotations(a.managedFields, u.Old.ManagedFields(), b.keys, b.owners)
	a.beside = &b
}

// mayTellOfFailed says whether a request that asks for no template changes annotations while the
// template that was last asked for is a rejected one.
func (r *request) mayTellOfFailed() bool {
	return r.record == nil && !r.touched() && r.Old.Annotation(v1alpha1.FailedAnnotation) != "" && !r.asksForRetry() && !r.declaresTemplate() &&
		!reflect.DeepEqual(r.Old.Annotations(), r.New.Annotations())
}

// sameBeside says whether two records hold the same beside their templates.
func sameBeside(a, b *hold.Beside) bool {
	return saysSameBeside(a, b) && (a == nil || replay.SameOwners(templateWith(a.Annotations), a.Owners, b.Owners))
}

// saysSameBeside says so whoever owns it.
func saysSameBeside(a, b *hold.Beside) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.DeepEqual(a.Keys, b.Keys) && maps.Equal(a.Annotations, b.Annotations) && maps.Equal(a.LastApplied, b.LastApplied)
}
