package compare

import (
	"testing"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

func TestAnUndoBringsTheAnnotationsOfItsRevision(t *testing.T) {
	for name, tc := range map[string]struct {
		guardedPast        []string
		held               bool // before
		unguarded, guarded string
		want               Explanation
		same               bool
	}{
		"the same on both sides": {guardedPast: []string{"image=v1", "image=v2"}, unguarded: "image=v1", guarded: "image=v1", same: true},
		"its revision was the newest for longer": {guardedPast: []string{"image=v1 meta-annotation.note=n", "image=v2 meta-annotation.note=n"},
			unguarded: "image=v1", guarded: "image=v1 meta-annotation.note=n", want: UndoOfOtherHistory},
		"no revision has it":                      {guardedPast: []string{"image=v1", "image=v2"}, unguarded: "image=v1", guarded: "image=v1 meta-annotation.note=n"},
		"what is held is withdrawn, they stay":    {guardedPast: []string{"image=v1"}, held: true, unguarded: "image=v1", guarded: "image=v1 meta-annotation.note=n", want: UndoLeavesAnnotations},
		"the revision of another template has it": {guardedPast: []string{"image=v1", "image=v2 meta-annotation.note=n"}, unguarded: "image=v1", guarded: "image=v1 meta-annotation.note=n"},
	} {
		t.Run(name, func(t *testing.T) {
			unguarded, guarded := state(t, "image=v2"), state(t, tc.guardedPast[len(tc.guardedPast)-1])
			if tc.held {
				guarded = state(t, "image=v1|image=v2")
			}
			unguarded.History, guarded.History = past(t, "image=v1", "image=v2"), past(t, tc.guardedPast...)
			s := Step{Command: sequence.Command{Verb: sequence.Undo}, Before: Pair[Snapshot]{unguarded, guarded},
				After: Pair[Snapshot]{state(t, tc.unguarded), state(t, tc.guarded)}}
			s.Outcome.Guarded.Requests = []Request{{Warnings: []string{"passed without a canary"}}}
			d := s.Compare()
			if d.Found() == tc.same || d.Found() && d.Aspect != Annotations {
				t.Fatalf("found %q: %s", d.Aspect, d.Detail)
			}
			if got, _ := s.Explain(d); got != tc.want {
				t.Errorf("explained by %q, want %q", got, tc.want)
			}
		})
	}
}
