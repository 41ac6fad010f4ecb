package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/webhook/ownership"
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

// Declare makes of a held template what the client would have made of it. The
// manifest is taken to be what the client owns of the merged template and said
// itself: values that the API server filled in are nobody's wish. What it said
// of the held template and no longer says goes, and unlike with Apply whoever
// added to it since: a manifest that drops a list drops all of it.
func Declare(onto Owned, m Manifest, by By) (Owned, error) {
	writer := hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion}
	now, err := m.said(onto.Template)
	if err != nil {
		return Owned{}, err
	}
	before := fieldpath.NewSet()
	for _, o := range onto.Owners {
		if identity(o) == identity(writer) {
			if before, err = saidOf(onto.Template, o.Fields); err != nil {
				return Owned{}, err
			}
		}
	}
	live, err := typedTemplate(onto.Template)
	if err != nil {
		return Owned{}, fmt.Errorf("held pod template: %w", err)
	}
	sent, err := typedTemplate(m.Merged)
	if err != nil {
		return Owned{}, fmt.Errorf("merged pod template: %w", err)
	}
	out, err := live.RemoveItems(topmost(before.Difference(now))).Merge(sent.ExtractItems(now.Leaves(), typed.WithAppendKeyFields()))
	if err != nil {
		return Owned{}, fmt.Errorf("merge into the held pod template: %w", err)
	}
	return Update(onto, templateOf(out), by)
}

// said is what the manifest says. A field that the client dropped with the held
// template, and that still is in the stable one, may be said again or not: either
// way the client sends nothing. It is taken to be said if the client goes back to
// the stable template in all else.
func (m Manifest) said(held hold.Template) (*fieldpath.Set, error) {
	said, err := saidOf(m.Merged, m.Fields)
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
	differs := toHeld.Modified.Union(toHeld.Added)
	if !differs.Empty() && differs.Intersection(toMerged.Modified.Union(toMerged.Added)).Empty() {
		return said, nil
	}
	return said.Difference(toHeld.Removed), nil
}

// compare leaves out what says nothing.
func compare(from, to hold.Template) (*typed.Comparison, error) {
	a, err := typedTemplate(hold.Canonical(from))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	b, err := typedTemplate(hold.Canonical(to))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	return a.Compare(b)
}

// topmost are the paths of a set that lie below no other one.
func topmost(set *fieldpath.Set) *fieldpath.Set {
	out := fieldpath.NewSet()
	set.Iterate(func(p fieldpath.Path) {
		if len(p) == 1 || !set.Has(p[:len(p)-1]) {
			out.Insert(p.Copy())
		}
	})
	return out
}

// saidOf leaves out of an owner's fields those that have the API's defaults. It
// has every field and element that something is said below of.
func saidOf(t hold.Template, fields map[string]any) (*fieldpath.Set, error) {
	owned, err := decodeFields(fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the writer: %w", err)
	}
	value, err := typedTemplate(hold.Canonical(t))
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	said, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("fields of the pod template: %w", err)
	}
	return withMembers(said.Intersection(withMembers(owned))), nil
}

// withMembers adds to a set all that its paths lead through.
func withMembers(set *fieldpath.Set) *fieldpath.Set {
	out := set.Union(fieldpath.NewSet())
	set.Iterate(func(p fieldpath.Path) {
		for end := 1; end < len(p); end++ {
			out.Insert(p[:end].Copy())
		}
	})
	return out
}
