package hold

import (
	"math"
	"reflect"
	"testing"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

func TestEqualSaysWhatDeepEqualSays(t *testing.T) {
	values := []any{
		nil, true, false, "", "a", int64(1), 1.0, 1, math.NaN(), math.Inf(1),
		map[string]any(nil), map[string]any{}, map[string]any{"a": nil}, map[string]any{"b": nil}, map[string]any{"a": []any{int64(1)}}, map[string]any{"a": []any{1.0}},
		[]any(nil), []any{}, []any{nil}, []any{"a", map[string]any{}}, []any{map[string]any{}, "a"}, []string{"a"}, []string{"b"},
	}
	for _, a := range values {
		for _, b := range values {
			if got, want := Equal(a, b), reflect.DeepEqual(a, b); got != want {
				t.Errorf("Equal(%#v, %#v) is %v", a, b, got)
			}
		}
	}
}

func FuzzEqual(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, `{"a":[1.0,{"b":null}]}`)
	f.Add(`[]`, `null`)
	f.Fuzz(func(t *testing.T, x, y string) {
		var a, b any
		if utiljson.Unmarshal([]byte(x), &a) != nil || utiljson.Unmarshal([]byte(y), &b) != nil {
			return
		}
		if got, want := Equal(a, b), reflect.DeepEqual(a, b); got != want || !Equal(a, a) {
			t.Errorf("%s and %s: %v, want %v", x, y, got, want)
		}
	})
}
