package agent

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLogQuery(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lines := []string{
		"2026-01-02T03:04:00Z stdout F one\n",
		"2026-01-02T03:04:03Z stderr F two words\n",
		"2026-01-02T03:04:04Z stdout F three\n",
	}
	for name, c := range map[string]struct {
		query string
		want  []string
	}{
		"all":                {"", []string{"one\n", "two words\n", "three\n"}},
		"the last":           {"tailLines=1", []string{"three\n"}},
		"none":               {"tailLines=0", nil},
		"since":              {"sinceSeconds=3", []string{"two words\n", "three\n"}},
		"since and the last": {"sinceTime=2026-01-02T03:04:03Z&tailLines=1", []string{"three\n"}},
		"with times":         {"timestamps=true&tailLines=1", []string{"2026-01-02T03:04:04Z three\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			values, _ := url.ParseQuery(c.query)
			q, err := parseLogQuery(values, now)
			if err != nil {
				t.Fatal(err)
			}
			got := q.pick(lines)
			if len(got) == 0 {
				got = nil
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
