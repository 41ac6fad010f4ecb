package hold

import (
	"testing"
	"time"
)

func TestDeleted(t *testing.T) {
	want := Deleted{"abc", time.Date(2026, 3, 1, 22, 0, 0, 0, time.UTC)}
	if got, err := ParseDeleted(want.String()); err != nil || got != want {
		t.Errorf("%+v comes back as %+v: %v", want, got, err)
	}
	for _, text := range []string{"", "abc", "abc soon", " 2026-03-01T22:00:00Z"} {
		if got, err := ParseDeleted(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}
