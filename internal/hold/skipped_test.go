package hold

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASkipIsReadAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
	encoded, err := Skipped{Reason: "hotfix", Hash: "abc", User: "jane", At: at}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseSkipped(encoded)
	if err != nil {
		t.Fatal(err)
	}
	want := Skipped{Reason: "hotfix", Hash: "abc", User: "jane", At: time.Date(2026, 3, 1, 11, 0, 0, 123_000_000, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if none, err := ParseSkipped(""); err != nil || none != (Skipped{}) {
		t.Errorf("no annotation is %+v, %v", none, err)
	}
	if _, err := ParseSkipped("{"); err == nil {
		t.Error("garbage is read")
	}
}
