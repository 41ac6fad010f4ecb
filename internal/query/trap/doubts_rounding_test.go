package trap

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Values that are compared with each other differ in nothing where both are rounded.
func TestRoundedValuesAreNotCompared(t *testing.T) {
	share := strings.ReplaceAll(some(`code=~"5.."`)+" / "+guarded, "canary", "pods")
	for query, want := range map[string]bool{
		"round(" + share + ")":               true,
		"ceil(" + share + ")":                true,
		"sgn(" + share + ")":                 true,
		"round(" + share + ", 0.01)":         false,
		"round(100 * " + share + ")":         false,
		`floor(sum(queue{ {{pods}} }))`:      false,
		"clamp_max(" + share + ", 1)":        false,
		"clamp(100 * " + share + ", 90, 95)": true,
	} {
		got := doubts(v1alpha1.Metric{Query: query, Compare: &v1alpha1.Comparison{}}, given)
		if (len(got) == 1 && got[0].kind == doubtLax && got[0].field == "query") != want || !want && len(got) > 0 {
			t.Errorf("%s: got %+v", query, got)
		}
	}
}
