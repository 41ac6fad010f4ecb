package hold

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPeekReadsWhatSealWrote: without the key, and whatever the seal.
func TestPeekReadsWhatSealWrote(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	large := template(t, plain)
	large["metadata"] = map[string]any{"annotations": map[string]any{"long": strings.Repeat("x", packAbove)}}
	for name, want := range map[string]Record{
		"readable": {ID: "a", Run: "web-a", UID: "u", HeldAt: at, Template: template(t, plain), Next: &Record{ID: "b", Run: "web-b", UID: "u", HeldAt: at, Template: template(t, plain)}},
		"packed":   {ID: "a", Run: "web-a", UID: "u", HeldAt: at, Template: large},
	} {
		t.Run(name, func(t *testing.T) {
			sealed, err := NewKey().Seal(want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Peek(sealed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, text := range []string{"", "{}", `{"run":"a"}`, `{"run":"a","uid":"u","content":[]}`, `{"run":"a","uid":"u","packed":"eA=="}`} {
		if r, err := Peek(text); err == nil {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}
