package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/webhook/ownership"
)

// Declare is Apply for a client that sends a whole manifest by other means, such
// as Helm 3, which merges it three ways and patches. Its manifest is taken to be
// what it owns of the merged template (fields, in FieldsV1 form) and said itself:
// values that the API server filled in are nobody's wish. What it said of the
// held template and no longer says goes, and unlike with Apply whoever added to
// it since: a manifest that drops a list drops all of it.
func Declare(onto Owned, merged hold.Template, fields map[string]any, by By) (Owned, error) {
	writer := hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion}
	now, err := saidOf(merged, fields)
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
	sent, err := typedTemplate(merged)
	if err != nil {
		return Owned{}, fmt.Errorf("merged pod template: %w", err)
	}
	out, err := live.RemoveItems(topmost(before.Difference(now))).Merge(sent.ExtractItems(now.Leaves(), typed.WithAppendKeyFields()))
	if err != nil {
		return Owned{}, fmt.Errorf("merge into the held pod template: %w", err)
	}
	return Update(onto, templateOf(out), by)
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
