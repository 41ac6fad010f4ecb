package route

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"gomodules.xyz/jsonpatch/v2"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
	"holdfast.dev/holdfast/webhook/patch"
	"holdfast.dev/holdfast/webhook/reply"
)

// answer is what is to be stored of a route.
type answer struct {
	rules         []any
	record        string // "" is none
	managedFields []any
	warnings      []string
}

func (a *answer) warn(text string) { a.warnings = append(a.warnings, reply.Warning(text)) }

// kubectlPatch writes values without a look at what stands beside them.
const kubectlPatch = "kubectl-patch"

// answer finds what the user wants and lays the overlay over that. With an error
// the answer is the user's wish alone.
func (h *Handler) answer(u update) (answer, error) {
	a := answer{rules: u.RulesOf(u.new), managedFields: u.new.managedFields()}
	if u.user == h.Evaluator && u.old != nil {
		a.record = u.new.record()
		if len(u.old.managedFields()) > 0 {
			a.managedFields = u.old.managedFields() // nothing of a route is ever the evaluator's
		}
		return a, nil
	}
	a.disown(u)
	wish := u.undoText(&a)
	record, err := route.Open(h.Key, u.old.record(), u.old.uid())
	if err != nil { // there is no overlay, or what stands there is nobody's
		a.rules = wish
		return a, nil //nolint:nilerr // a record that does not open holds nothing
	}
	a.rules = wish
	standing, err := u.StandingOn(u.namespace, record, u.RulesOf(u.old))
	if err != nil {
		return a, err
	}
	var way route.Way
	a.rules, way = u.Wish(standing, route.Author{Blind: u.manager == kubectlPatch}, wish)
	if reflect.DeepEqual(a.rules, standing.User) {
		a.keepOwners(u)
	}
	return a, a.lay(h.Key, u, record, standing, way)
}

// lay puts the overlay on the wish. Where that is what stands in the cluster, so does the record, byte for
// byte: a request that asks for nothing new changes nothing.
func (a *answer) lay(key hold.Key, u update, record route.Record, standing route.Standing, way route.Way) error {
	laid, err := u.Lay(standing.Overlay, a.rules)
	if err != nil {
		return err
	}
	encoded := u.old.record()
	if !reflect.DeepEqual(a.rules, record.Rules) {
		record.Rules = a.rules
		if encoded, err = route.Seal(key, record); err != nil {
			return err
		}
		if size := annotationBytes(u.new.annotations(), encoded); size > route.MostAnnotations {
			return fmt.Errorf("its annotations would take %d bytes (%d of them the record of the route) and may take %d", size, len(encoded), route.MostAnnotations)
		}
		a.tell(record, way)
	} else if way == route.WayDifference && len(record.Match) > 0 {
		a.warn("what you changed is the canary's, and stays as it is: " + shareOf(record) + " go to " + record.Canary + " until canary run " + record.Run + " ends")
	}
	a.rules, a.record = laid, encoded
	return nil
}

// tell says what became of a change of the rules.
func (a *answer) tell(record route.Record, way route.Way) {
	share := fmt.Sprintf("%s go to %s until canary run %s ends", shareOf(record), record.Canary, record.Run)
	switch way {
	case route.WayOwn:
		a.warn("your change is stored with the share of a canary on it: " + share)
	case route.WayDifference:
		a.warn("your change was taken as one of the route without the share of a canary, and is stored with it: " + share)
	}
}

// shareOf says for people what a record gives a canary.
func shareOf(record route.Record) string {
	matched := route.Text(record.Match)
	switch {
	case record.Mirror:
		return fmt.Sprintf("copies of %d %% of what goes to Service %s", record.Percent, record.Service)
	case matched == "":
		return fmt.Sprintf("%d %% of what goes to Service %s", record.Percent, record.Service)
	case record.Percent == 0:
		return fmt.Sprintf("of what goes to Service %s the requests whose %s", record.Service, matched)
	}
	return fmt.Sprintf("%d %% of what goes to Service %s, and all requests whose %s,", record.Percent, record.Service, matched)
}

// undoText takes off what the user's own text was read with: it may have a record that is not the one
// that stands, of a run that has ended, or of another route. The Service that it names is gone, or is
// none of this route's.
func (u update) undoText(a *answer) []any {
	sent := u.RulesOf(u.new)
	text := u.new.record()
	if text == "" || text == u.old.record() {
		return sent
	}
	record, err := route.Read(text)
	if err != nil || u.TooMany(record.Rules) { // it was not written by Holdfast
		return sent
	}
	s := route.Standing{Overlay: record.Overlay(u.namespace), User: record.Rules}
	if s.Laid, err = u.Lay(s.Overlay, s.User); err != nil {
		return sent
	}
	wish, way := u.Wish(s, route.Author{}, sent)
	if way != route.WayOwn {
		a.warn(fmt.Sprintf("the text was read while canary run %s had a share of the requests; it was taken without that", record.Run))
	}
	return wish
}

func annotationBytes(annotations map[string]any, record string) int {
	n := len(v1alpha1.OverlayAnnotation) + len(record)
	for key, value := range annotations {
		if text, ok := value.(string); ok && key != v1alpha1.OverlayAnnotation {
			n += len(key) + len(text)
		}
	}
	return n
}

// disown leaves the record to nobody: a text that was read with it owns it otherwise. Nor is it an annotation
// for which a user has any.
func (a *answer) disown(u update) {
	before := u.old.managedFields()
	if (ownership.HolderOf(a.managedFields, v1alpha1.OverlayAnnotation) != ownership.Holder{}) {
		a.managedFields = ownership.WithAnnotations(a.managedFields, before, []string{v1alpha1.OverlayAnnotation}, nil)
	}
	if u.old != nil {
		by := ownership.Writer{Manager: u.manager, Operation: ownership.Operation(before, u.new.managedFields(), u.manager)}
		a.managedFields = ownership.WithAnnotationsAtAll(a.managedFields, before, by, u.old.hasOthers(), u.new.hasOthers())
	}
}

// keepOwners has the rules owned as they were, where the user asks for the rules that are asked for
// already: the API server has seen the laid ones change to them, and does not know that nothing changes.
// Who applies them server-side owns them too, or alone (see tookLists).
func (a *answer) keepOwners(u update) {
	before, sent := u.old.managedFields(), a.managedFields
	if reflect.DeepEqual(u.RulesOf(u.new), u.RulesOf(u.old)) {
		return // the API server has seen no change either
	}
	owners := ownership.FieldOwners(before, u.Rules)
	if ownership.Operation(before, u.new.managedFields(), u.manager) == ownership.Apply {
		if u.tookLists(before, sent) {
			owners = nil
		}
		for _, owner := range ownership.FieldOwners(sent, u.Rules) {
			if owner.Manager == u.manager && owner.Operation == ownership.Apply && !contains(owners, owner) {
				owners = append(owners, owner)
			}
		}
	}
	a.managedFields = ownership.WithField(sent, before, u.Rules, owners)
}

// tookLists says whether an apply took lists from their owners that it leaves as they are. It does if it says
// less than they have, as a text without what the API defaults: to the API server that is another list, until
// it has filled that in. Of the rules this is not to be seen, for they have the share of a canary; of the
// parentRefs it is, which the same text has. Where nobody else has those, a text says less unless it was read
// from the API server, and has the record.
func (u update) tookLists(before, sent ownership.Entries) bool {
	others := slices.DeleteFunc(ownership.FieldOwners(before, parentRefs), func(o hold.Owner) bool { return o.Manager == u.manager })
	if len(others) == 0 {
		return ownership.HolderOf(u.new.managedFields(), v1alpha1.OverlayAnnotation) == ownership.Holder{}
	}
	now := ownership.FieldOwners(sent, parentRefs)
	return slices.ContainsFunc(others, func(o hold.Owner) bool { return !contains(now, o) })
}

// parentRefs is a list that all routes of the Gateway API have beside their rules.
const parentRefs = "parentRefs"

func contains(owners []hold.Owner, owner hold.Owner) bool {
	for _, o := range owners {
		if o.Manager == owner.Manager && o.Operation == owner.Operation && o.APIVersion == owner.APIVersion {
			return true
		}
	}
	return false
}

// patch names only what changes.
func (a *answer) patch(u update) []jsonpatch.Operation {
	annotations := maps.Clone(u.new.annotations())
	if annotations == nil {
		annotations = map[string]any{}
	}
	delete(annotations, v1alpha1.OverlayAnnotation)
	if a.record != "" {
		annotations[v1alpha1.OverlayAnnotation] = a.record
	}
	ops := patch.Fields(patch.Annotations, u.new.annotations(), annotations)
	if len(annotations) == 0 && len(u.new.annotations()) > 0 {
		ops = []jsonpatch.Operation{jsonpatch.NewOperation("remove", patch.Annotations, nil)}
	}
	if sent, ok := u.new["spec"].(map[string]any); ok && !reflect.DeepEqual(a.rules, u.RulesOf(u.new)) {
		want := maps.Clone(sent)
		delete(want, u.Rules)
		if a.rules != nil {
			want[u.Rules] = a.rules
		}
		ops = append(ops, patch.Fields(patch.Spec, sent, want)...)
	}
	if len(a.managedFields) > 0 {
		ops = append(ops, patch.Value(patch.ManagedFields, u.new.managedFields(), a.managedFields)...)
	}
	return ops
}
