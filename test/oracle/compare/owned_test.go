package compare

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

func TestAFieldOfManagedFieldsIsAPath(t *testing.T) {
	got := map[string]string{}
	want := map[string]string{
		`f:spec/f:template/f:spec/f:containers/k:{"name":"app"}/f:resources/f:requests/f:memory`:                     "/spec/template/spec/containers[app]/resources/requests/memory",
		`f:spec/f:template/f:spec/f:containers/k:{"name":"app"}/.`:                                                   "/spec/template/spec/containers[app]",
		`f:spec/f:template/f:spec/f:containers/k:{"name":"app"}/f:ports/k:{"containerPort":8080,"protocol":"TCP"}/.`: "/spec/template/spec/containers[app]/ports[8080]",
		`f:spec/f:template/f:metadata/f:annotations/f:kubectl.kubernetes.io/restartedAt`:                             "/spec/template/metadata/annotations/kubectl.kubernetes.io/restartedAt",
	}
	for field := range want {
		got[field] = pathOf(field)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAnApplierOwnsWhatItHasNotRead: on the guarded side, where it could not take it off its text.
func TestAnApplierOwnsWhatItHasNotRead(t *testing.T) {
	const (
		container = `{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{"f:name":{},"f:resources":`
		empty     = container + `{}}}}}`
		memory    = container + `{"f:requests":{"f:memory":{}}}}}}}`
		cpu       = container + `{"f:requests":{"f:memory":{},"f:cpu":{}}}}}}}`
	)
	for name, tc := range map[string]struct {
		stable, sent, unguarded, guarded string
		found                            bool
		want                             Explanation
	}{
		"what only the held template has was taken off the text":           {stable: "image=v1", sent: "image=v2", unguarded: empty, guarded: memory, found: true, want: ClientSentLess},
		"more is owned than that":                                          {stable: "image=v1", sent: "image=v2", unguarded: empty, guarded: cpu, found: true},
		"both own the same":                                                {stable: "image=v1", sent: "image=v2", unguarded: memory, guarded: memory},
		"the guarded client has read it, and took it off":                  {stable: "image=v1 request.memory=16Mi", sent: "image=v2", unguarded: empty, guarded: memory},
		"nothing was taken off, so it is for the end to find a difference": {stable: "image=v1", sent: "image=v2 request.memory=16Mi", unguarded: empty, guarded: memory},
	} {
		t.Run(name, func(t *testing.T) {
			before := state(t, tc.stable+"|image=v2 request.memory=16Mi")
			after := Pair[Snapshot]{asIfReleased(before), before}
			after.Unguarded.Object["metadata"] = map[string]any{"managedFields": []any{map[string]any{
				"manager": "ci", "operation": "Apply", "fieldsV1": map[string]any{"f:spec": map[string]any{"f:template": decoded(t, tc.unguarded)}},
			}}}
			record := *before.Record
			record.Owners = []hold.Owner{{Manager: "ci", Operation: "Apply", Fields: decoded(t, tc.guarded)}}
			after.Guarded.Record = &record
			text, err := json.Marshal(object(t, tc.sent))
			if err != nil {
				t.Fatal(err)
			}
			c, err := sequence.Parse("reread-server by=ci request.memory-")
			if err != nil {
				t.Fatal(err)
			}
			s := Step{Command: c, Before: Pair[Snapshot]{asIfReleased(before), before}, After: after, Outcome: Pair[Outcome]{
				Unguarded: Outcome{Requests: []Request{{Method: http.MethodPatch, ContentType: applyPatch, Manager: "ci", Status: http.StatusOK, Body: string(text)}}},
			}}
			d := s.owned()
			if d.Found() != tc.found {
				t.Fatalf("difference %q, want one: %v", d.Detail, tc.found)
			}
			if !tc.found {
				return
			}
			if got, _ := s.Explain(d); got != tc.want {
				t.Errorf("explained as %q, want %q", got, tc.want)
			}
		})
	}
}

func decoded(t *testing.T, fields string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(fields), &out); err != nil {
		t.Fatal(err)
	}
	return out
}
