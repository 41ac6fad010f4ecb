package jsontree_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/jsontree"
)

// texts are JSON, and what is nearly.
var texts = []string{
	`{"a": [1, -1, 0, -0, 1.5, 1e3, 1E-7, 9223372036854775807, 9223372036854775808, 1e21, 0.000001, 1e400], "b": {}, "c": []}`,
	`{"a": 1, "a": {"b": 2}, "A": null}`, `{"a": {"b": 1}, "a": {"c": 2}}`, `{"a": "\u003c<>&\u2028\u0000\ud83d\ude00\ud83d \" \\ \/ é"}`, "{\"a\": \"\xff\"}",
	`null`, `{}`, `[]`, `1`, `"a"`, `true`, ``, ` {"a": 1} `, `{"a": 1} x`, `{"a": 1,}`, `{"a" 1}`, `{'a': 1}`, `{"a": 01}`, `{"a": nul}`, "{\"a\": \"\n\"}", `{"a": [1, 2`, `{"a": +1}`,
	strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200),
}

// FuzzAsTheAPIMachinery: what is read is what the API machinery reads, and what is written is what
// encoding/json writes.
func FuzzAsTheAPIMachinery(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want map[string]any
		err, wantErr := jsontree.Unmarshal(text, &got), utiljson.Unmarshal(text, &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("of %q: error %v, and the API machinery says %v", text, err, wantErr)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("of %q, -API machinery +here:\n%s", text, diff)
		}
		wantText, wantErr := json.Marshal(want)
		var gotText bytes.Buffer
		if err := jsontree.Write(&gotText, got); err != nil || wantErr != nil {
			t.Fatalf("write: %v, %v", err, wantErr)
		}
		if gotText.String() != string(wantText) {
			t.Errorf("written as %s, want %s", gotText.String(), wantText)
		}
	})
}

func TestTreesInStructs(t *testing.T) {
	type record struct {
		Template map[string]any `json:"template"`
		Lost     *string        `json:"lost,omitempty"`
		Any      any            `json:"any"`
	}
	var got record
	if err := jsontree.Unmarshal([]byte(`{"template": {"replicas": 3}, "Template": {}, "unknown": 1, "any": [1, null]}`), &got); err != nil {
		t.Fatal(err)
	}
	want := record{Template: map[string]any{"replicas": int64(3)}, Any: []any{int64(1), nil}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if err := jsontree.Unmarshal([]byte(`{"template": [1]}`), &got); err == nil || !strings.Contains(err.Error(), "want an object") {
		t.Errorf("a list for an object: %v", err)
	}
}

func TestWhatIsNoTree(t *testing.T) {
	err := jsontree.Write(&bytes.Buffer{}, map[string]any{"spec": []any{int32(1)}})
	if err == nil || !strings.Contains(err.Error(), "/spec") || !strings.Contains(err.Error(), "int32") {
		t.Errorf("error %v", err)
	}
}
