package compare

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// owner makes a manager own the image of the stable template.
func owner(o map[string]any, manager string) {
	fields := map[string]any{"f:spec": map[string]any{"f:template": map[string]any{"f:spec": map[string]any{"f:hostname": map[string]any{}}}}}
	child(o, "metadata")["managedFields"] = []any{map[string]any{"manager": manager, "operation": "Update", "fieldsV1": fields}}
}

func TestARevertChangesNothingButTheRecord(t *testing.T) {
	for name, tc := range map[string]struct {
		plant func(after *Snapshot)
		want  Aspect
	}{
		"nothing": {func(*Snapshot) {}, ""},
		"what marks it as failed": {func(s *Snapshot) {
			annotations := child(s.Object, "metadata", "annotations")
			annotations[v1alpha1.FailedAnnotation] = "hash"
			annotations[lastApplied] = `{"metadata":{"annotations":{"holdfast.dev/failed":""},"name":"web"}}`
		}, ""},
		"the record is still there":             {func(s *Snapshot) { child(s.Object, "metadata", "annotations")[v1alpha1.HeldAnnotation] = "sealed" }, Record},
		"replicas":                              {func(s *Snapshot) { child(s.Object, "spec")["replicas"] = int64(7) }, Spec},
		"a label":                               {func(s *Snapshot) { child(s.Object, "metadata", "labels")["a"] = "b" }, Labels},
		"another manifest counts as the last":   {func(s *Snapshot) { child(s.Object, "metadata", "annotations")[lastApplied] = `{"spec":1}` }, LastApplied},
		"who applied what was rejected owns it": {func(s *Snapshot) { owner(s.Object, "applier") }, Ownership},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := state(t, "image=v1|image=v2"), state(t, "image=v1")
			for _, o := range []map[string]any{before.Object, after.Object} {
				child(o, "metadata", "annotations")[lastApplied] = `{"metadata":{"annotations":{"holdfast.dev/held":""},"name":"web"}}`
				owner(o, "kubectl")
			}
			tc.plant(&after)
			s := Step{Command: sequence.Command{Verb: sequence.Revert}, Before: Pair[Snapshot]{state(t, "image=v2"), before}, After: Pair[Snapshot]{state(t, "image=v1"), after}}
			if d := s.Compare(); d.Aspect != tc.want {
				t.Errorf("found %q, want %q:\n%s", d.Aspect, tc.want, d.Detail)
			}
		})
	}
}

// TestRefusedFromMemory: only what was remembered, left aside, and told so.
func TestRefusedFromMemory(t *testing.T) {
	told := Pair[Outcome]{Guarded: Outcome{Requests: []Request{{Warnings: []string{"holdfast: not tried again: run web-1 rejected this template"}}}}}
	for name, tc := range map[string]struct {
		rejected, unguarded, guarded string
		outcome                      Pair[Outcome]
		want                         Explanation
	}{
		"it was rejected":           {rejected: "image=v2", unguarded: "image=v2", guarded: "image=v1", outcome: told, want: RefusedFromMemory},
		"it was, with another mark": {rejected: "image=v2 annotation.cattle.io/timestamp=t1", unguarded: "image=v2", guarded: "image=v1", outcome: told, want: RefusedFromMemory},
		"it was, without the mark":  {rejected: "image=v2", unguarded: "image=v2 annotation.cattle.io/timestamp=t1", guarded: "image=v1 annotation.cattle.io/timestamp=t1", outcome: told, want: RefusedFromMemory},
		"another one was":           {rejected: "image=v3", unguarded: "image=v2", guarded: "image=v1", outcome: told},
		"nobody was told":           {rejected: "image=v2", unguarded: "image=v2", guarded: "image=v1"},
		"something else came of it": {rejected: "image=v2", unguarded: "image=v2", guarded: "image=v4", outcome: told},
	} {
		t.Run(name, func(t *testing.T) {
			hash, version, err := hold.Marks(hold.KnownMarks).Hashes(state(t, tc.rejected).Stable())
			if err != nil {
				t.Fatal(err)
			}
			memory, err := hold.Rejected{{Hash: hash, Version: version, Run: "web-1"}}.Encode()
			if err != nil {
				t.Fatal(err)
			}
			before := state(t, "image=v1")
			child(before.Object, "metadata", "annotations")[v1alpha1.RejectedAnnotation] = memory
			s := Step{Command: sequence.Command{Verb: sequence.Apply}, Outcome: tc.outcome, Before: Pair[Snapshot]{before, before},
				After: Pair[Snapshot]{state(t, tc.unguarded), state(t, tc.guarded)}}
			if got, _ := s.Explain(Difference{Aspect: Template}); got != tc.want {
				t.Errorf("explained by %q, want %q", got, tc.want)
			}
		})
	}
}
