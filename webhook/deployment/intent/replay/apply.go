package replay

import (
	"errors"
	"fmt"
	"reflect"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/merge"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// Configuration returns what an applier sent of a pod template: the fields of
// the merged template that belong to it after the apply, in FieldsV1 form.
func Configuration(merged hold.Template, fields map[string]any) (hold.Template, error) {
	set, err := decodeFields(fields)
	if err != nil {
		return nil, fmt.Errorf("fields of the applier: %w", err)
	}
	value, err := typedTemplate(merged)
	if err != nil {
		return nil, fmt.Errorf("applied pod template: %w", err)
	}
	sent := templateOf(value.ExtractItems(set.Leaves()))
	if len(sent) == 0 {
		return sent, nil
	}
	out, _ := withEmpties(sent, shapeOf(merged)).(map[string]any)
	return out, nil
}

// Conflict is a field that an apply takes from another manager.
type Conflict struct{ Manager, Field string }

// Apply returns what a server-side apply makes of a template, with force, and
// what it takes from other managers: without force the API server would refuse
// that, and whether a client forces cannot be seen. The fields of the
// configuration, in FieldsV1 form, are the applier's afterwards; nil stands for
// those that it has.
func Apply(onto Owned, configuration hold.Template, fields map[string]any, by By) (Owned, []Conflict, error) {
	writer := hold.Owner{Manager: by.Manager, Operation: ownership.Apply, APIVersion: by.APIVersion, Time: by.Time}
	live, err := typedTemplate(onto.Template)
	if err != nil {
		return Owned{}, nil, fmt.Errorf("held pod template: %w", err)
	}
	config, err := typedTemplate(configuration)
	if err != nil {
		return Owned{}, nil, fmt.Errorf("applied pod template: %w", err)
	}
	managed, err := decodeOwners(onto.Owners)
	if err != nil {
		return Owned{}, nil, err
	}
	apply := func(force bool) (*typed.TypedValue, fieldpath.ManagedFields, error) {
		return updater().Apply(live, config, fieldpath.APIVersion(by.APIVersion), managed.Copy(), identity(writer), force)
	}
	var refused merge.Conflicts
	out, after, err := apply(false)
	if errors.As(err, &refused) {
		out, after, err = apply(true)
	}
	if err != nil {
		return Owned{}, nil, fmt.Errorf("apply to the held pod template: %w", err)
	}
	if fields != nil { // what the API server said, also of what it leaves out, such as empty lists
		set, err := decodeFields(fields)
		if err != nil {
			return Owned{}, nil, fmt.Errorf("fields of the applier: %w", err)
		}
		after[identity(writer)] = fieldpath.NewVersionedSet(set, fieldpath.APIVersion(by.APIVersion), true)
	}
	owners, err := encodeOwners(after, onto.Owners, writer)
	if err != nil {
		return Owned{}, nil, err
	}
	return Owned{Template: templateOf(out), Owners: owners}, conflictsOf(refused, onto.Owners, by), nil
}

// Update returns a template that was changed by other means than server-side
// apply, and who owns its fields then. What says nothing new, such as a default
// or an empty list, changes no owner.
func Update(from Owned, to hold.Template, by By) (Owned, error) {
	to, _ = withoutEmpty(to).(map[string]any)
	if same(from.Template, to) {
		return Owned{Template: to, Owners: from.Owners}, nil
	}
	writer := hold.Owner{Manager: by.Manager, Operation: ownership.Update, APIVersion: by.APIVersion, Time: by.Time}
	live, err := typedTemplate(from.Template)
	if err != nil {
		return Owned{}, fmt.Errorf("held pod template: %w", err)
	}
	next, err := typedTemplate(to)
	if err != nil {
		return Owned{}, fmt.Errorf("changed pod template: %w", err)
	}
	managed, err := decodeOwners(from.Owners)
	if err != nil {
		return Owned{}, err
	}
	_, after, err := updater().Update(live, next, fieldpath.APIVersion(by.APIVersion), managed, identity(writer))
	if err != nil {
		return Owned{}, fmt.Errorf("owners of the changed pod template: %w", err)
	}
	owners, err := encodeOwners(after, from.Owners, writer)
	if err != nil {
		return Owned{}, err
	}
	return Owned{Template: to, Owners: owners}, nil
}

// withoutEmpty leaves out nulls and empty lists, as the API server does.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			if list, isList := value.([]any); value != nil && (!isList || len(list) > 0) {
				out[key] = withoutEmpty(value)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			out = append(out, withoutEmpty(element))
		}
		return out
	}
	return v
}

func same(a, b hold.Template) bool {
	return reflect.DeepEqual(hold.Canonical(a), hold.Canonical(b)) && hold.Restarted(a) == hold.Restarted(b)
}

func templateOf(v *typed.TypedValue) hold.Template {
	t, _ := v.AsValue().Unstructured().(map[string]any)
	return t
}

// conflictsOf leaves out what kubectl applied client-side and applies server-side
// now: the API server lets that pass.
func conflictsOf(refused merge.Conflicts, owners []hold.Owner, by By) []Conflict {
	managers := map[string]string{}
	for _, o := range owners {
		managers[identity(o)] = o.Manager
	}
	var out []Conflict
	for _, c := range refused {
		if by.Manager == "kubectl" && managers[c.Manager] == "kubectl-client-side-apply" {
			continue
		}
		out = append(out, Conflict{Manager: managers[c.Manager], Field: ".spec.template" + c.Path.String()})
	}
	return out
}
