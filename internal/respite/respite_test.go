package respite_test

import (
	"testing"
	"time"

	"holdfast.dev/holdfast/internal/respite"
)

func TestARespiteIsAsLongAsItsWork(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for took, want := range map[time.Duration]time.Duration{
		0: 0, time.Millisecond - 1: 0, time.Millisecond: 20 * time.Millisecond, time.Second: 20 * time.Second, -time.Second: 0,
	} {
		ended := noon.Add(took)
		if left := max(respite.Earned(noon, ended).Left(ended), 0); left != want {
			t.Errorf("after %s there is a respite of %s, want %s", took, left, want)
		}
	}
	if left := (respite.Respite{}).Left(noon); left > 0 {
		t.Errorf("before anything was done there is a respite of %s", left)
	}
}
