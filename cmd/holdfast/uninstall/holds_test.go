package uninstall

import (
	"strings"
	"testing"
)

// TestDescribe: nobody checks the seal here, so a record may say anything.
func TestDescribe(t *testing.T) {
	const end = " was not released, because Holdfast is uninstalled: the stable template stays; apply it again to roll it out"
	for name, tc := range map[string]struct{ record, want string }{
		"a record": {
			`{"id":"1","run":"web-5phu7x2pnr","hash":"5phu7x2pnrggcklhaaaa","heldAt":"2026-03-01T12:00:00Z","user":"jane","content":{}}`,
			`the update held since 2026-03-01T12:00:00Z (template "5phu7x2pnrggcklh", user "jane")` + end,
		},
		"one that is none":      {"nonsense", "the update held" + end},
		"one that says nothing": {"{}", "the update held" + end},
		"one with control characters": {
			`{"hash":"a\u001b[2J","heldAt":"2026-03-01T12:00:00Z","user":"\n"}`,
			`the update held since 2026-03-01T12:00:00Z (template "a\x1b[2J", user "\n")` + end,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := describe(tc.record); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	if got := describe(`{"hash":"a","user":"` + strings.Repeat("\\u0001", 100_000) + `"}`); len(got) > 1024 {
		t.Errorf("the note of an event has room for 1024 bytes, not for %d", len(got))
	}
}
