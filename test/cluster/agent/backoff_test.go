package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRestartBackoff(t *testing.T) {
	b := backoffState{Backoff: Backoff{Initial: time.Second, Limit: 5 * time.Second}}
	var got []time.Duration
	for _, ran := range []time.Duration{0, 0, 0, 0, 0, 0, 11 * time.Second, 0} {
		got = append(got, b.restart(ran)/time.Second)
	}
	// At once, then doubled up to the limit; a long run clears the record.
	if diff := cmp.Diff([]time.Duration{0, 1, 2, 4, 5, 5, 0, 1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRetryBackoffIsNeverImmediate(t *testing.T) {
	b := backoffState{Backoff: Backoff{Initial: time.Second, Limit: 3 * time.Second}}
	var got []time.Duration
	for range 4 {
		got = append(got, b.retry()/time.Second)
	}
	if diff := cmp.Diff([]time.Duration{1, 2, 3, 3}, got); diff != "" {
		t.Error(diff)
	}
}
