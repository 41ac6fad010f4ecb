package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/webhook/ownership"
)

// Declare is Apply for a client that sends a whole manifest by other means, such
// as Helm 3, which merges it three ways and patches. Its manifest is taken to be
// what it owns of the merged template (fields, in FieldsV1 form) and said itself:
// values that the API server filled in are nobody's wish. What it said of the
// held template and no longer says goes, as with Apply.
func Declare(onto Owned, merged hold.Template, fields map[string]any, by By) (Owned, error) {
	writer := hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion}
	said, err := saidOf(merged, fields)
	if err != nil {
		return Owned{}, err
	}
	configuration, err := Configuration(merged, said)
	if err != nil {
		return Owned{}, err
	}
	owners, err := asAppliers(onto, writer)
	if err != nil {
		return Owned{}, err
	}
	out, _, err := Apply(Owned{Template: onto.Template, Owners: owners}, configuration, by)
	if err != nil {
		return Owned{}, err
	}
	return Update(onto, out.Template, by)
}

// saidOf leaves out of an owner's fields those that have the API's defaults.
func saidOf(t hold.Template, fields map[string]any) (map[string]any, error) {
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
	return encodeFields(withMembers(said).Intersection(owned))
}

// withMembers adds to a set the elements and fields that it has something below of.
func withMembers(set *fieldpath.Set) *fieldpath.Set {
	out := set.Union(fieldpath.NewSet())
	set.Iterate(func(p fieldpath.Path) {
		for end := 1; end < len(p); end++ {
			out.Insert(p[:end].Copy())
		}
	})
	return out
}

// asAppliers makes the writer's entry one of an apply, so that what it no longer
// says goes.
func asAppliers(onto Owned, writer hold.Owner) ([]hold.Owner, error) {
	var out []hold.Owner
	for _, o := range onto.Owners {
		if identity(o) == identity(writer) {
			said, err := saidOf(onto.Template, o.Fields)
			if err != nil {
				return nil, err
			}
			o.Operation, o.Fields = ownership.Apply, said
		} else if o.Manager == writer.Manager && o.Operation == ownership.Apply {
			continue
		}
		out = append(out, o)
	}
	return out, nil
}
