package webhook

import "testing"

func TestThePreviousRevisionIsTheNewestButOne(t *testing.T) {
	for want, r := range map[string]revisions{
		"":  nil,
		"b": {{"a", 1}, {"c", 7}, {"b", 5}},
		"a": {{"a", 1}, {"c", 7}},
		"c": {{"x", 9}, {"b", 0}, {"c", 2}},
	} {
		if got := r.previous(); string(got) != want {
			t.Errorf("previous of %v is %q, want %q", r, got, want)
		}
	}
	if got := (revisions{{"a", 1}}).previous(); got != "" {
		t.Errorf("previous of one revision is %q", got)
	}
}
