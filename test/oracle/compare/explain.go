package compare

import (
	"net/http"
	"strings"

	"holdfast.dev/holdfast/api/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Explanation names a difference that no webhook could have prevented.
type Explanation string

// The explanations, in the order in which they are looked for; docs/oracle.md has the reasons at length.
const (
	// UndoOfWhatNeverRan: the unguarded Deployment went back to a template that the guarded one never ran.
	UndoOfWhatNeverRan Explanation = "UndoOfWhatNeverRan"
	// UndoOfOtherHistory: both went back to what their own revisions say, and these stand in another order or were
	// cleaned up at another time, because what was held has made no revision.
	UndoOfOtherHistory Explanation = "UndoOfOtherHistory"
	// UndoReadAsWithdrawal: an undo to the revision before the stable one cannot be told from an undo of what is held.
	UndoReadAsWithdrawal Explanation = "UndoReadAsWithdrawal"
	// ClientRefused: a client refused to send anything because of what it read.
	ClientRefused Explanation = "ClientRefused"
	// ConflictOfOwners: a server-side apply conflicted on one side, since the stable fields have other owners.
	ConflictOfOwners Explanation = "ConflictOfOwners"
	// PatchDidNotFit: the API server could not make a JSON patch on one side, and asked no webhook.
	PatchDidNotFit Explanation = "PatchDidNotFit"
	// ClientSentNothing: the stable template has all that was to be changed, and the client sent no request.
	ClientSentNothing Explanation = "ClientSentNothing"
	// ClientSentLess: the stable template has a part of what was to be changed, so the request says nothing about it.
	ClientSentLess Explanation = "ClientSentLess"
)

// Explanations are all there are.
var Explanations = []Explanation{
	UndoOfWhatNeverRan, UndoOfOtherHistory, UndoReadAsWithdrawal, ClientRefused, ConflictOfOwners, PatchDidNotFit, ClientSentNothing, ClientSentLess,
}

// Explain names why the sides differ after a step, if what was observed in it says that it could not be helped. Only
// differences in what is asked for can be explained.
func (s Step) Explain(d Difference) (Explanation, bool) {
	if d.Aspect != ExitCode && d.Aspect != Template && d.Aspect != Presence {
		return "", false
	}
	if s.Command.Verb == sequence.Undo {
		return s.explainUndo()
	}
	if d.Aspect == ExitCode {
		return s.explainExitCode()
	}
	return s.explainLess()
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
	case last.Status == http.StatusConflict && last.ContentType == applyPatch && !last.Force:
		return ConflictOfOwners, true
	case last.Status == http.StatusUnprocessableEntity && last.ContentType == jsonPatch && strings.HasPrefix(last.Message, "the server rejected our request"):
		return PatchDidNotFit, true
	}
	return "", false
}

// Content types of patches.
const (
	applyPatch = "application/apply-patch+yaml"
	jsonPatch  = "application/json-patch+json"
)

// explainLess is for a client that computes its change on the stable template, or sends a change that is none there:
// all that differs must be something that the stable template already has as it was asked for.
func (s Step) explainLess() (Explanation, bool) {
	if s.Before.Guarded.Record == nil {
		return "", false
	}
	var asked []change
	for _, request := range s.Outcome.Unguarded.Requests {
		asked = append(asked, request.changes()...)
	}
	already := map[string]bool{}
	stable := leaves(templateOf(s.Before.Guarded.Stable()))
	for _, c := range asked {
		for path := range c.alreadyIn(stable) {
			already[path] = true
		}
	}
	paths := differing(templateOf(s.After.Unguarded.Desired()), templateOf(s.After.Guarded.Desired()))
	for _, path := range paths {
		if !covered(path, already) {
			return "", false
		}
	}
	switch {
	case len(paths) == 0:
		return "", false
	case len(s.Outcome.Guarded.Requests) == 0:
		return ClientSentNothing, true
	}
	return ClientSentLess, true
}

// covered says whether a path is, or is below, one of these.
func covered(path string, by map[string]bool) bool {
	for above := range by {
		if within(path, above) {
			return true
		}
	}
	return false
}

func templateOf(t hold.Template) map[string]any {
	return map[string]any{"spec": map[string]any{"template": t}}
}
