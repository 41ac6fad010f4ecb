package replay

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Manifest is a whole manifest that a client merged three ways with the stable
// template by itself, as Helm 3 does.
type Manifest struct {
	// Stable is what it was merged with, Merged what came of it.
	Stable, Merged hold.Template
	// Fields of Merged belong to the client, in FieldsV1 form.
	Fields map[string]any
	// AskedForHeld: the held template is what this client asked for last.
	AskedForHeld bool
}

// Manifests returns the client's manifest before and now, as far as they can be
// told, for a three-way merge with the held template. A manifest is taken to be
// what the client owns and said itself: values that the API server filled in are
// nobody's wish. What the client took out of the stable template stood in its
// manifest before.
func Manifests(held Owned, m Manifest, by By) (before, now hold.Template, err error) {
	own, err := held.fieldsOf(hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion})
	if err != nil {
		return nil, nil, err
	}
	said, err := m.said(held.Template, own)
	if err != nil {
		return nil, nil, err
	}
	saidBefore, err := saidOf(held.Template, own)
	if err != nil {
		return nil, nil, err
	}
	still, err := m.still(saidBefore)
	if err != nil {
		return nil, nil, err
	}
	if said, err = m.whole(said.Union(still), held.Template); err != nil {
		return nil, nil, err
	}
	if now, err = part(m.Merged, said); err != nil {
		return nil, nil, err
	}
	toMerged, err := compare(m.Stable, m.Merged)
	if err != nil {
		return nil, nil, err
	}
	taken, err := part(m.Stable, toMerged.Removed)
	if err != nil {
		return nil, nil, err
	}
	if now, err = m.emptied(now, toMerged.Removed, held.Template); err != nil {
		return nil, nil, err
	}
	if before, err = part(held.Template, saidBefore); err != nil {
		return nil, nil, err
	}
	before, err = merged(before, taken)
	return before, now, err
}

// still is what a client said before and says now: what it drops it takes out of
// the stable template too, whoever owns it there.
func (m Manifest) still(before *fieldpath.Set) (*fieldpath.Set, error) {
	there, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	return before.Intersection(there), nil
}

// whole adds to what a client said the rest of each object of which the held
// template has nothing: a change of the path of a probe would come without its port.
func (m Manifest) whole(said *fieldpath.Set, held hold.Template) (*fieldpath.Set, error) {
	before, err := membersOf(held)
	if err != nil {
		return nil, err
	}
	there, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	missing := fieldpath.NewSet()
	said.Iterate(func(p fieldpath.Path) {
		for end := 1; end < len(p); end++ {
			if !before.Has(p[:end]) {
				missing.Insert(p[:end].Copy())
				return
			}
		}
	})
	out := said.Union(fieldpath.NewSet())
	there.Iterate(func(p fieldpath.Path) {
		for end := 1; end <= len(p); end++ {
			if missing.Has(p[:end]) {
				out.Insert(p.Copy())
				return
			}
		}
	})
	return out, nil
}

// said is what the manifest says. A field that the client dropped with the held
// template, and that still is in the stable one, may be said again or not: either
// way the client sends nothing. It is taken to be said if the client goes back to
// the stable template in all else that is its own there.
func (m Manifest) said(held hold.Template, own *fieldpath.Set) (*fieldpath.Set, error) {
	fields, err := decodeFields(m.Fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the writer: %w", err)
	}
	said, err := saidOf(m.Merged, fields)
	if err != nil || !m.AskedForHeld {
		return said, err
	}
	toHeld, err := compare(m.Stable, held)
	if err != nil {
		return nil, err
	}
	toMerged, err := compare(m.Stable, m.Merged)
	if err != nil {
		return nil, err
	}
	differs, changed := toHeld.Modified.Union(toHeld.Added).Leaves().Intersection(own), toMerged.Modified.Union(toMerged.Added)
	if !differs.Empty() && differs.Intersection(changed).Empty() {
		return said, nil
	}
	// What then is left of an object or a list without anything in it was not said: others may have something
	// there.
	left := said.Difference(untouched(toHeld.Removed, withMembers(changed)))
	return withMembers(left.Leaves().Intersection(said.Leaves())), nil
}

// emptied has in a manifest, without anything in them, the objects and lists of the held template that the
// client took something out of, and left, in the stable one. Without them the manifest would say that they go
// whole, with what others have there.
func (m Manifest) emptied(now hold.Template, removed *fieldpath.Set, held hold.Template) (hold.Template, error) {
	left, err := membersOf(m.Merged)
	if err != nil {
		return nil, err
	}
	there, err := membersOf(held)
	if err != nil {
		return nil, err
	}
	left = left.Intersection(there)
	out := hold.Template{}
	if now != nil {
		out = runtime.DeepCopyJSON(now)
	}
	removed.Iterate(func(p fieldpath.Path) {
		end := 0
		for end < len(p) && left.Has(p[:end+1]) {
			end++
		}
		if end < len(p) {
			open(out, m.Merged, p[:end])
		}
	})
	if len(out) == 0 {
		return now, nil
	}
	return out, nil
}
