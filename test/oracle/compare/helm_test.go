package compare

import (
	"testing"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// TestHelmOwnsWhatItTakesBack: but for what it sends in vain.
func TestHelmOwnsWhatItTakesBack(t *testing.T) {
	const image = `{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:image":{}}}}}`
	owned := func(s Snapshot, operation string) Snapshot {
		child(s.Object, "metadata")["managedFields"] = []any{map[string]any{
			"manager": "helm", "operation": operation, "fieldsV1": map[string]any{"f:spec": map[string]any{"f:template": decoded(t, image)}},
		}}
		return s
	}
	for name, tc := range map[string]struct {
		operation string // that owns the image on the guarded side
		outcome   Pair[Outcome]
		found     bool
		want      Explanation
	}{
		"it owns the same":                      {operation: "Update", outcome: Pair[Outcome]{patched("helm", imageV1), patched("helm", `{}`)}},
		"only the unguarded one had to send it": {operation: "Apply", outcome: Pair[Outcome]{patched("helm", imageV1), patched("helm", `{}`)}, found: true, want: ClientSentLess},
		"both have sent it":                     {operation: "Apply", outcome: Pair[Outcome]{patched("helm", imageV1), patched("helm", imageV1)}, found: true},
		"none has sent it":                      {operation: "Apply", outcome: Pair[Outcome]{patched("helm", `{}`), patched("helm", `{}`)}, found: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := Step{Command: sequence.Command{Verb: sequence.Helm3}, Outcome: tc.outcome}
			s.Before.Guarded = state(t, "image=v1|image=v2")
			s.After = Pair[Snapshot]{owned(state(t, "image=v1"), "Update"), owned(state(t, "image=v1"), tc.operation)}
			d := s.ownedByHelm()
			if d.Found() != tc.found {
				t.Fatalf("found %v", d)
			}
			if got, _ := s.Explain(d); tc.found && got != tc.want {
				t.Errorf("explained by %q, want %q", got, tc.want)
			}
		})
	}
}
