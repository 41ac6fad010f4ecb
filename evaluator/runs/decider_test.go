package runs

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestDecider(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).In(time.FixedZone("", 3600)))
	entry := func(manager, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Time: &at, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	holdfast := entry("holdfast", `{"f:spec":{".":{},"f:hold":{}},"f:status":{"f:decision":{}}}`)
	for name, tc := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		"a client decided":   {[]metav1.ManagedFieldsEntry{holdfast, entry("kubectl-patch", `{"f:spec":{"f:decision":{}}}`)}, ` (by field manager "kubectl-patch" at 2026-03-01T12:00:00Z)`},
		"nobody did":         {[]metav1.ManagedFieldsEntry{holdfast}, ""},
		"nothing is known":   {nil, ""},
		"fields are garbage": {[]metav1.ManagedFieldsEntry{{Manager: "x"}, entry("y", `[]`), entry("z", `{"f:spec":1}`)}, ""},
	} {
		if got := decider(tc.entries); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}
