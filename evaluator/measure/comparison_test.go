package measure

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Services are listed for those that name one only.
func TestWhoAsksForAService(t *testing.T) {
	const plain, named = `sum(rate(x{ {{pods}} }[1m]))`, `sum(rate(x{ {{pods}}, service="{{service}}" }[1m]))`
	for _, tc := range []struct {
		compare v1alpha1.Comparison
		query   string
		want    bool
	}{
		{v1alpha1.Comparison{}, plain, false},
		{v1alpha1.Comparison{}, named, true},
		{v1alpha1.Comparison{}, "sum(", false},
		{v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: `x{ {{pods}} }`, Total: `y{ {{pods}} }`}}, "", false},
		{v1alpha1.Comparison{Count: &v1alpha1.Counted{Bad: `x{ {{pods}} }`, Total: `y{ {{pods}}, service="{{service}}" }`}}, "", true},
	} {
		if got := usesService(tc.compare, tc.query); got != tc.want {
			t.Errorf("%+v %s: %v", tc.compare.Count, tc.query, got)
		}
	}
}
