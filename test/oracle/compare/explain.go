package compare

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
)

// Explanation names a difference that no webhook could have prevented.
type Explanation string

// The explanations, in the order in which they are looked for; docs/oracle.md has the reasons at length.
const (
	// RefusedFromMemory: what was asked for was rejected before, and is not tried again.
	RefusedFromMemory Explanation = "RefusedFromMemory"
	// UndoOfWhatNeverRan: the unguarded Deployment went back to a template that the guarded one never ran.
	UndoOfWhatNeverRan Explanation = "UndoOfWhatNeverRan"
	// UndoOfOtherHistory: both went back to what their own revisions say, and these stand in
	// another order or were cleaned up at another time, because what was held has made no revision.
	UndoOfOtherHistory Explanation = "UndoOfOtherHistory"
	// UndoLeavesAnnotations: an undo has withdrawn what is held, and the Deployment's annotations
	// are as they were.
	UndoLeavesAnnotations Explanation = "UndoLeavesAnnotations"
	// UndoReadAsWithdrawal: an undo to the revision before the stable one cannot be told from an
	// undo of what is held.
	UndoReadAsWithdrawal Explanation = "UndoReadAsWithdrawal"
	// ClientRefused: a client refused to go on because of what it read.
	ClientRefused Explanation = "ClientRefused"
	// ConflictOfOwners: a server-side apply conflicted on one side, since the stable fields have
	// other owners.
	ConflictOfOwners Explanation = "ConflictOfOwners"
	// PatchDidNotFit: the API server could not make a JSON patch on one side, and asked no webhook.
	PatchDidNotFit Explanation = "PatchDidNotFit"
	// ClientSentNothing: the stable template has all that was to be changed, and the client sent no request.
	ClientSentNothing Explanation = "ClientSentNothing"
	// ClientSentLess: the stable template has a part of what was to be changed, so the request says
	// nothing about it. What a client refuses to send, or the API server to take, because of that
	// part is of the same kind.
	ClientSentLess Explanation = "ClientSentLess"
	// OrderOfTheStable: the client put new elements of a list in an order that goes by those of the
	// stable template.
	OrderOfTheStable Explanation = "OrderOfTheStable"
	// ManifestUnseen: Helm 3 sent nothing about a field that it had dropped with what is held, and
	// that the stable template still has: its manifest may have it again or not.
	ManifestUnseen Explanation = "ManifestUnseen"
	// ClientGaveUp: kubectl met conflicts with controllers on one side until it left the fields of client-side
	// apply as they were.
	ClientGaveUp Explanation = "ClientGaveUp"
)

// Explanations are all there are.
var Explanations = []Explanation{
	RefusedFromMemory, UndoOfWhatNeverRan, UndoOfOtherHistory, UndoLeavesAnnotations, UndoReadAsWithdrawal, ClientRefused, ConflictOfOwners, PatchDidNotFit, ClientSentNothing, ClientSentLess, OrderOfTheStable, ManifestUnseen, ClientGaveUp,
}

// Explain names why the sides differ after a step, if what was observed in it says that it could
// not be helped. Only differences in what is asked for can be explained.
func (s Step) Explain(d Difference) (Explanation, bool) {
	switch d.Aspect {
	case ExitCode, Template, ChangeCause, Presence:
	case Remembered:
		return s.explainRemembered()
	case Owned:
		if s.Command.Verb == sequence.Helm3 {
			return s.explainOwnedByHelm()
		}
		return s.explainOwned()
	case Annotations:
		return s.explainAnnotations()
	case Migration:
		return ClientGaveUp, true
	default:
		return "", false
	}
	if s.refusedFromMemory() || d.Aspect == ChangeCause && s.warned("it is taken to tell of the rejected update") {
		return RefusedFromMemory, true
	}
	if s.Command.Verb == sequence.Undo {
		return s.explainUndo()
	}
	if d.Aspect == ExitCode {
		return s.explainExitCode()
	}
	if s.ordersAsStable() {
		return OrderOfTheStable, true
	}
	if explanation, ok := s.explainLess(); ok {
		return explanation, true
	}
	return s.explainUnseen()
}

// refusedFromMemory says whether the unguarded side runs what the guarded one remembers as rejected
// and has left aside, and has said so.
func (s Step) refusedFromMemory() bool {
	memory, err := hold.ParseRejected(annotation(s.Before.Guarded.Object, v1alpha1.RejectedAnnotation), types.UID(s.Before.Guarded.UID()))
	if err != nil || s.After.Guarded.Held() {
		return false
	}
	// What differs from it in marks of a restart alone was rejected with it.
	asked, version, err := hold.Marks(hold.KnownMarks).Hashes(s.After.Unguarded.Desired())
	if err != nil {
		return false
	}
	_, known := memory.Find(asked, version)
	return known && sameButRestart(s.Before.Guarded, s.After.Guarded) && s.warned("not tried again")
}

// warned says whether Holdfast told the user so.
func (s Step) warned(words string) bool {
	for _, request := range s.Outcome.Guarded.Requests {
		for _, warning := range request.Warnings {
			if strings.Contains(warning, words) {
				return true
			}
		}
	}
	return false
}

// explainExitCode is for one client that failed: only where nothing of it has reached the webhook.
func (s Step) explainExitCode() (Explanation, bool) {
	failed := s.Outcome.Guarded
	if failed.Code == 0 {
		failed = s.Outcome.Unguarded
	}
	if s.Before.Guarded.Record == nil {
		return "", false
	}
	if len(failed.Requests) == 0 {
		return ClientRefused, true
	}
	last := failed.Requests[len(failed.Requests)-1]
	switch {
	case last.Status < statusRefused:
		return ClientRefused, true
	case last.Status == statusConflict && last.ContentType == applyPatch && !last.Force && last.conflictsInTemplate():
		return ConflictOfOwners, true
	case last.Status == statusUnprocessable && last.ContentType == jsonPatch && strings.HasPrefix(last.Message, "the server rejected our request"):
		return PatchDidNotFit, true
	case last.Status == statusUnprocessable && strings.Contains(last.Message, "refuses the new pod template") && (s.sentOther() || s.saidWhatStableHas()):
		return ClientSentLess, true
	}
	return "", false
}

// sentOther says whether a client made another patch of the stable template than of the one that is held.
func (s Step) sentOther() bool {
	unguarded, guarded := s.Outcome.Unguarded.Requests, s.Outcome.Guarded.Requests
	if len(unguarded) == 0 || len(guarded) == 0 || s.Command.Verb.Whole() {
		return false
	}
	return unguarded[len(unguarded)-1].Body != guarded[len(guarded)-1].Body
}

// saidWhatStableHas says whether a part of the change is to what the stable template has already:
// the webhook sees no change there, and makes none to what is held, which may have nothing of it.
func (s Step) saidWhatStableHas() bool {
	stable := leaves(s.Before.Guarded.standing())
	before, after := leaves(s.Before.Unguarded.desired()), leaves(s.After.Unguarded.desired())
	for path, value := range after {
		if value != before[path] && value == stable[path] && s.Outcome.Unguarded.says(path, stable) {
			return true
		}
	}
	return false
}

// conflicting are the fields that the API server names when it refuses an apply.
var conflicting = regexp.MustCompile(`(?m)(?:^- |: )(\.\S+)`)

// conflictsInTemplate says whether all conflicts of a refused apply are about the template, the
// only part of the stable Deployment whose owners differ.
func (r Request) conflictsInTemplate() bool {
	fields := conflicting.FindAllStringSubmatch(r.Message, -1)
	for _, field := range fields {
		if !strings.HasPrefix(field[1], ".spec.template.") {
			return false
		}
	}
	return len(fields) > 0
}

// How the API server refuses.
const (
	statusRefused       = 400 // and above
	statusConflict      = 409
	statusUnprocessable = 422
)

// Content types of patches.
const (
	applyPatch = "application/apply-patch+yaml"
	mergePatch = "application/merge-patch+json"
	jsonPatch  = "application/json-patch+json"
)

// explainLess is for a client that computes its change on the stable template, or sends a change
// that is none there. All that differs must be something that the command changed on the unguarded
// side to what the stable template has already, and its request must have said so; only what is new
// there may follow unsaid, as the API's defaults do.
func (s Step) explainLess() (Explanation, bool) {
	if s.Before.Guarded.Record == nil {
		return "", false
	}
	stable := leaves(s.Before.Guarded.standing())
	before, after := leaves(s.Before.Unguarded.desired()), leaves(s.After.Unguarded.desired())
	said := false
	for _, path := range differing(s.After.Unguarded.desired(), s.After.Guarded.desired()) {
		if before[path] == after[path] || after[path] != stable[path] {
			return "", false
		}
		asked := s.Command.Verb.Rereads() || s.Outcome.Unguarded.says(path, stable) || after[path] != nil && s.Outcome.Unguarded.takesOff(path)
		if _, had := before[path]; had && !asked {
			return "", false
		}
		said = said || asked
	}
	switch {
	case !said:
		return "", false
	case len(s.Outcome.Guarded.Requests) == 0:
		return ClientSentNothing, true
	}
	return ClientSentLess, true
}

// explainRemembered is for a text from which a part of the held template was taken off: the guarded one,
// which shows the stable template, has nothing of it.
func (s Step) explainRemembered() (Explanation, bool) {
	if s.Before.Guarded.Record == nil {
		return "", false
	}
	text := templateOf(clientstate.LastApplied(annotation(s.After.Unguarded.Object, lastApplied)).Template())
	sent, stable, before := leaves(text), leaves(s.Before.Guarded.standing()), leaves(s.Before.Unguarded.desired())
	for _, path := range differing(text, templateOf(s.After.Guarded.Record.LastApplied)) {
		if strings.HasSuffix(path, "/"+hold.RestartedAt) {
			continue
		}
		_, isSent := sent[path]
		_, isStable := stable[path]
		if _, was := before[path]; isSent || isStable || !was {
			return "", false
		}
	}
	return ClientSentLess, true
}

// ordersAsStable says whether the templates differ in nothing but the order of elements, which the
// guarded client has put in the order of a list of which it read some in the stable template.
func (s Step) ordersAsStable() bool {
	if s.Before.Guarded.Record == nil || len(s.Outcome.Guarded.Requests) == 0 || s.Command.Verb.Whole() {
		return false
	}
	last := s.Outcome.Guarded.Requests[len(s.Outcome.Guarded.Requests)-1]
	return (s.Command.Verb.Rereads() || strings.Contains(last.Body, "$setElementOrder/")) &&
		Same(sorted(s.After.Unguarded.Desired()), sorted(s.After.Guarded.Desired()))
}

// sorted is a template in which the elements that have names stand in their order.
func sorted(t hold.Template) hold.Template {
	out, _ := sortedValue(runtime.DeepCopyJSON(t)).(map[string]any)
	return out
}

func sortedValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = sortedValue(v[key])
		}
	case []any:
		for i := range v {
			v[i] = sortedValue(v[i])
		}
		slices.SortStableFunc(v, func(a, b any) int { return strings.Compare(fmt.Sprint(at(a, "name")), fmt.Sprint(at(b, "name"))) })
	}
	return v
}

// explainUnseen is for a manifest that Helm 3 merged with the stable template: nothing it sent
// speaks of what differs, which the stable template has, and which was not there any more before.
func (s Step) explainUnseen() (Explanation, bool) {
	if s.Before.Guarded.Record == nil || !s.Outcome.Guarded.byHelm3() {
		return "", false
	}
	stable, had := leaves(s.Before.Guarded.standing()), leaves(s.Before.Unguarded.desired())
	wanted, got := leaves(s.After.Unguarded.desired()), leaves(s.After.Guarded.desired())
	for _, path := range differing(s.After.Unguarded.desired(), s.After.Guarded.desired()) {
		_, before := had[path]
		_, after := wanted[path]
		if before || after || got[path] != stable[path] || s.Outcome.Guarded.speaksOf(path) {
			return "", false
		}
	}
	return ManifestUnseen, true
}

// byHelm3 says whether the last request was a patch of Helm 3's.
func (o Outcome) byHelm3() bool {
	if len(o.Requests) == 0 {
		return false
	}
	last := o.Requests[len(o.Requests)-1]
	return last.Method == patchMethod && last.Manager == "helm" && last.ContentType != applyPatch
}

func (o Outcome) speaksOf(path string) bool {
	for _, request := range o.Requests {
		for _, c := range request.changes() {
			if within(path, c.path) {
				return true
			}
		}
	}
	return false
}

// takesOff says whether a patch took a field off: what is there afterwards is the API's default.
func (o Outcome) takesOff(path string) bool {
	for _, request := range o.Requests {
		for _, c := range request.changes() {
			if c.path == path && c.value == nil && !c.whole {
				return true
			}
		}
	}
	return false
}

// says whether a patch asked for what an object with these leaves has already at a path.
func (o Outcome) says(path string, object map[string]any) bool {
	for _, request := range o.Requests {
		for _, c := range request.changes() {
			if within(path, c.path) && (c.whole || c.alreadyAt(path, object)) {
				return true
			}
		}
	}
	return false
}

func templateOf(t hold.Template) map[string]any {
	return map[string]any{"spec": map[string]any{"template": t}}
}
