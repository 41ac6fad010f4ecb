package compare

import (
	"slices"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// explainUndo explains a difference only if each side has done what its own history says: both then
// went where their users sent them, from places that cannot be the same.
func (s Step) explainUndo() (Explanation, bool) {
	before := s.Before
	wanted, unguarded := previous(before.Unguarded)
	own, guarded := previous(before.Guarded)
	if s.Command.Option(sequence.To) != "" {
		return s.explainUndoTo()
	}
	if guarded && before.Guarded.Record != nil { // kubectl sends the template before the stable one, and means the hold
		own = before.Guarded.Stable()
	}
	if !did(s.Outcome.Unguarded, s.After.Unguarded, wanted, unguarded) || !did(s.Outcome.Guarded, s.After.Guarded, own, guarded) {
		return "", false
	}
	if unguarded && (!guarded || before.Guarded.RevisionOf(wanted) == 0) {
		return UndoOfWhatNeverRan, true
	}
	return UndoOfOtherHistory, true
}

// explainUndoTo is for an undo to a template that was asked for once: the side that has no revision
// of it refuses.
func (s Step) explainUndoTo() (Explanation, bool) {
	refused := func(o Outcome) bool { return o.Code != 0 && len(o.Requests) == 0 }
	g, u := s.Before.Guarded, s.Before.Unguarded
	wanted := s.After.Unguarded.Desired()
	switch {
	case s.Outcome.Unguarded.Code == 0 && refused(s.Outcome.Guarded) && g.RevisionOf(wanted) == 0:
		return UndoOfWhatNeverRan, true
	case s.Outcome.Guarded.Code == 0 && refused(s.Outcome.Unguarded) && u.RevisionOf(s.After.Guarded.Desired()) == 0:
		return UndoOfOtherHistory, true
	case g.Record != nil && s.Outcome.Guarded.Code == 0 && len(s.Outcome.Guarded.Requests) == 0 && Same(g.Stable(), wanted):
		return ClientSentNothing, true
	}
	before, found := previous(g)
	withdrawn := s.After.Guarded.Record == nil && Same(s.After.Guarded.Desired(), g.Stable())
	if g.Record != nil && withdrawn && found && Same(before, wanted) {
		return UndoReadAsWithdrawal, true
	}
	return "", false
}

// withdrawnByUndo says whether an undo has withdrawn what was held. The request brings the
// annotations of the revision before the stable one; those that the stable one had when the hold
// began are not to be found, since its ReplicaSet has gone on taking over what the Deployment has.
func (s Step) withdrawnByUndo() bool {
	return s.Command.Verb == sequence.Undo && s.Before.Guarded.Record != nil && !s.After.Guarded.Held() && sameButRestart(s.Before.Guarded, s.After.Guarded)
}

// explainAnnotations is for an undo after which the annotations differ. They are those of the
// revision it went to, which has taken over all that the Deployment was given for as long as it was
// the newest: on the guarded side also during a hold.
func (s Step) explainAnnotations() (Explanation, bool) {
	switch {
	case s.withdrawnByUndo():
		return UndoLeavesAnnotations, true
	case broughtAnnotations(s.Before.Unguarded, s.After.Unguarded) && broughtAnnotations(s.Before.Guarded, s.After.Guarded):
		return UndoOfOtherHistory, true
	}
	return "", false
}

// broughtAnnotations says whether a Deployment has the annotations of a revision that it had
// before, and its template.
func broughtAnnotations(before, after Snapshot) bool {
	return slices.ContainsFunc(before.History, func(r Revision) bool {
		return Same(r.Template, after.Stable()) && Diff(comparableAnnotations(r.Object), comparableAnnotations(after.Object)) == ""
	})
}

// did says whether a side went to a template or, where its history has none to go to, refused.
func did(o Outcome, after Snapshot, to hold.Template, found bool) bool {
	if !found {
		return o.Code != 0 && len(o.Requests) == 0
	}
	return o.Code == 0 && Same(after.Desired(), to)
}

// previous is the template of the revision before the newest.
func previous(s Snapshot) (hold.Template, bool) {
	if len(s.History) < 2 {
		return nil, false
	}
	return s.History[len(s.History)-2].Template, true
}
