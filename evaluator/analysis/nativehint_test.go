package analysis

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestACounterThatANativeHistogramDoesNotHave(t *testing.T) {
	for total, want := range map[string]string{
		`x_seconds_count{ {{pods}} }`:             "Is x_seconds a native histogram? It has no _count",
		`x_seconds_bucket{ {{pods}}, le="+Inf" }`: "Is x_seconds a native histogram? It has no _bucket",
		`x_total{ {{pods}} }`:                     "",
	} {
		if got := nativeHint(v1alpha1.Counted{Total: total}); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q", total, got)
		}
	}
}
