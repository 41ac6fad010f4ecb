package replay

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"holdfast.dev/holdfast/internal/hold"
)

// Said are an owner's fields of a template without those that have the API's
// defaults, in FieldsV1 form: those that it would own if it had applied them.
func Said(t hold.Template, fields map[string]any) (map[string]any, error) {
	owned, err := decodeFields(fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the writer: %w", err)
	}
	said, err := saidOf(t, owned)
	if err != nil {
		return nil, err
	}
	applied, err := part(t, said.Intersection(owned))
	if err != nil {
		return nil, err
	}
	return FieldsOf(applied)
}

// saidOf leaves out of an owner's fields those that have the API's defaults. It
// has every field and element that something is said below of.
func saidOf(t hold.Template, owned *fieldpath.Set) (*fieldpath.Set, error) {
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

// FieldsOf are the fields that an applier of a configuration would own, in
// FieldsV1 form.
func FieldsOf(configuration hold.Template) (map[string]any, error) {
	value, err := typedTemplate(configuration)
	if err != nil {
		return nil, fmt.Errorf("pod template: %w", err)
	}
	set, err := value.ToFieldSet()
	if err != nil {
		return nil, fmt.Errorf("fields of the pod template: %w", err)
	}
	return encodeFields(set)
}

// fieldsOf are the fields of one owner.
func (o Owned) fieldsOf(owner hold.Owner) (*fieldpath.Set, error) {
	for _, one := range o.Owners {
		if identity(one) != identity(owner) {
			continue
		}
		set, err := decodeFields(one.Fields)
		if err != nil {
			return nil, fmt.Errorf("fields of manager %q: %w", one.Manager, err)
		}
		return set, nil
	}
	return fieldpath.NewSet(), nil
}
