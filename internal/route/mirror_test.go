package route

import (
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

// forMirrored tries a property on many rules of HTTPRoutes whose requests are copied.
func forMirrored(t *testing.T, holds func(t *testing.T, s scene)) {
	t.Helper()
	for seed := range int64(1_000) {
		s := scene{Dialect: gatewayAPI, Rand: rand.New(rand.NewSource(seed)), backend: dialects["GatewayAPI"].backend}
		s.o = Overlay{Namespace: "ns", Service: "shop", Canary: "shop-canary", Percent: int64(1 + s.Intn(100)), Mirror: true}
		s.user = s.anyRules()
		for _, rule := range s.user {
			switch fields := rule.(map[string]any); s.Intn(4) {
			case 0:
				fields["filters"] = []any{map[string]any{"type": "URLRewrite"}}
			case 1:
				fields["filters"] = []any{map[string]any{"type": "RequestMirror", "requestMirror": map[string]any{"backendRef": map[string]any{"name": "other"}}}}
			case 2:
				fields["filters"] = []any{}
			}
		}
		var err error
		if s.laid, err = s.Lay(s.o, s.user); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		holds(t, s)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestAMirrorComesOffByteForByte(t *testing.T) {
	forMirrored(t, func(t *testing.T, s scene) {
		if s.Reaches(s.o, s.user) == (text(t, s.laid) == text(t, s.user)) {
			t.Errorf("laid over %s is %s", text(t, s.user), text(t, s.laid))
		}
		if wish, way := s.Wish(s.standing(), Author{}, runtime.DeepCopyJSONValue(s.laid).([]any)); text(t, wish) != text(t, s.user) || way != WayUnchanged {
			t.Errorf("the wish is %s (%s), want %s", text(t, wish), way, text(t, s.user))
		}
	})
}

func TestAMirrorChangesNothingButFilters(t *testing.T) {
	forMirrored(t, func(t *testing.T, s scene) {
		for i := range s.user {
			rest := without(s.laid[i].(map[string]any), "filters")
			if diff := cmp.Diff(without(s.user[i].(map[string]any), "filters"), rest); diff != "" {
				t.Errorf("rule %d (-user +laid):\n%s", i, diff)
			}
			before, after := s.mirroring.filtersOf(s.user[i]), s.mirroring.filtersOf(s.laid[i])
			if diff := cmp.Diff(text(t, before), text(t, after[:len(before)])); len(before) > 0 && diff != "" {
				t.Errorf("rule %d: filters that were there (-user +laid):\n%s", i, diff)
			}
		}
	})
}

func TestAChangeMadeToAMirroredTextIsMadeToTheUsers(t *testing.T) {
	edits := map[string]func(rules []any) []any{
		"a field of each rule": func(rules []any) []any {
			for _, rule := range rules {
				rule.(map[string]any)["timeouts"] = map[string]any{"request": "5s"}
			}
			return rules
		},
		"a rule more in front":  func(rules []any) []any { return append([]any{map[string]any{"name": "new"}}, rules...) },
		"the first rule goes":   func(rules []any) []any { return rules[1:] },
		"a filter more behind":  withFilter(func(filters []any, f any) []any { return append(filters, f) }),
		"a filter more, first":  withFilter(func(filters []any, f any) []any { return append([]any{f}, filters...) }),
		"weights of production": func(rules []any) []any { return withWeights(rules, 7) },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			forMirrored(t, func(t *testing.T, s scene) {
				for _, w := range []Author{{}, {Blind: true}} {
					want := edit(runtime.DeepCopyJSONValue(s.user).([]any))
					wish, _ := s.Wish(s.standing(), w, edit(runtime.DeepCopyJSONValue(s.laid).([]any)))
					if diff := cmp.Diff(want, wish); diff != "" {
						t.Errorf("the wish differs (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// withFilter puts a filter among those of each rule.
func withFilter(put func(filters []any, f any) []any) func(rules []any) []any {
	return func(rules []any) []any {
		for _, rule := range rules {
			fields := rule.(map[string]any)
			filters, _ := fields["filters"].([]any)
			fields["filters"] = put(filters, map[string]any{"type": "RequestHeaderModifier"})
		}
		return rules
	}
}

func withWeights(rules []any, weight int64) []any {
	for _, rule := range rules {
		for _, b := range gatewayAPI.backendsOf(rule) {
			b.(map[string]any)["weight"] = weight
		}
	}
	return rules
}

func TestAMirrorAsItIsStored(t *testing.T) {
	rule := map[string]any{"backendRefs": []any{map[string]any{"group": "", "kind": "Service", "name": "shop", "port": int64(80), "weight": int64(1)}}}
	for name, tc := range map[string]struct {
		percent int64
		dialect Dialect
		want    string
	}{
		"all requests": {100, gatewayAPI, `[{"requestMirror":{"backendRef":{"group":"","kind":"Service","name":"shop-canary","port":80}},"type":"RequestMirror"}]`},
		"some":         {20, gatewayAPI, `[{"requestMirror":{"backendRef":{"group":"","kind":"Service","name":"shop-canary","port":80},"percent":20},"type":"RequestMirror"}]`},
		"gRPC":         {20, grpcAPI, "no copies are made"},
	} {
		t.Run(name, func(t *testing.T) {
			laid, err := tc.dialect.Lay(Overlay{Namespace: "ns", Service: "shop", Canary: "shop-canary", Percent: tc.percent, Mirror: true}, []any{rule})
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = text(t, laid[0].(map[string]any)["filters"])
			}
			if !strings.Contains(got, tc.want) {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
