package route

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

// anyRules are rules as people write them, and some as nobody would: several backends, the production
// Service more than once, weights of 0 and none, fields that no library knows.
func anyRules(r *rand.Rand) []any {
	rules := make([]any, 1+r.Intn(4))
	for i := range rules {
		rule := map[string]any{"matches": []any{map[string]any{"path": map[string]any{"value": fmt.Sprintf("/%d", r.Intn(3))}}}}
		if r.Intn(3) == 0 {
			rule["name"] = fmt.Sprintf("rule-%d", i)
		}
		if r.Intn(3) == 0 {
			rule["fromTheFuture"] = map[string]any{"limit": int64(r.Intn(9))}
		}
		if n := r.Intn(5); n > 0 {
			rule["backendRefs"] = anyBackends(r, n)
		}
		rules[i] = rule
	}
	return rules
}

func anyBackends(r *rand.Rand, n int) []any {
	backends := make([]any, n)
	for i := range backends {
		backend := map[string]any{"name": []string{"shop", "shop", "other", "third"}[r.Intn(4)], "port": int64(80 + r.Intn(2))}
		switch r.Intn(5) {
		case 0:
			backend["weight"] = int64(0)
		case 1:
			backend["weight"] = int64(1 + r.Intn(100))
		case 2:
			backend["weight"] = int64(1 + r.Intn(1_000_000))
		case 3:
			backend["weight"] = int64(1_000_000)
		}
		if r.Intn(4) == 0 {
			backend["filters"] = []any{map[string]any{"type": "RequestHeaderModifier"}}
		}
		if r.Intn(5) == 0 {
			backend["namespace"] = []string{"ns", "elsewhere"}[r.Intn(2)]
		}
		if r.Intn(5) == 0 {
			backend["kind"], backend["group"] = "Service", ""
		}
		backends[i] = backend
	}
	return backends
}

func anyOverlay(r *rand.Rand) Overlay {
	return Overlay{Namespace: "ns", Service: "shop", Canary: "shop-canary", Percent: int64(r.Intn(101))}
}

// forRandom tries a property on many rules and overlays.
func forRandom(t *testing.T, holds func(t *testing.T, r *rand.Rand, o Overlay, user, laid []any)) {
	t.Helper()
	for seed := range int64(2_000) {
		r := rand.New(rand.NewSource(seed))
		o, user := anyOverlay(r), anyRules(r)
		before := text(t, user)
		laid, err := gatewayAPI.Lay(o, user)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		holds(t, r, o, user, laid)
		if text(t, user) != before {
			t.Fatalf("seed %d: the rules of the user were changed", seed)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWhatIsLaidComesOffByteForByte(t *testing.T) {
	forRandom(t, func(t *testing.T, _ *rand.Rand, o Overlay, user, laid []any) {
		wish, way := gatewayAPI.Wish(Standing{o, user, laid}, Author{}, runtime.DeepCopyJSONValue(laid).([]any))
		if text(t, wish) != text(t, user) || way != WayUnchanged {
			t.Errorf("the wish is %s (%s), want %s", text(t, wish), way, text(t, user))
		}
	})
}

func TestAUsersOwnTextIsTheWish(t *testing.T) {
	forRandom(t, func(t *testing.T, r *rand.Rand, o Overlay, user, laid []any) {
		for _, own := range [][]any{user, anyRules(r)} {
			wish, _ := gatewayAPI.Wish(Standing{o, user, laid}, Author{}, own)
			if text(t, wish) != text(t, own) {
				t.Errorf("the wish is %s, want %s", text(t, wish), text(t, own))
			}
		}
	})
}

func TestAChangeMadeToTheOverlaidTextIsMadeToTheUsers(t *testing.T) {
	edits := map[string]func(rules []any) []any{
		"a field of each rule": func(rules []any) []any {
			for _, rule := range rules {
				rule.(map[string]any)["timeouts"] = map[string]any{"request": "5s"}
			}
			return rules
		},
		"a rule more in front": func(rules []any) []any {
			return append([]any{map[string]any{"name": "new", "backendRefs": []any{map[string]any{"name": "other"}}}}, rules...)
		},
		"the first rule goes": func(rules []any) []any { return rules[1:] },
		"all but its first backend go": func(rules []any) []any {
			for _, rule := range rules {
				if b, _ := rule.(map[string]any)["backendRefs"].([]any); len(b) > 0 {
					rule.(map[string]any)["backendRefs"] = append(b[:1:1], gatewayAPI.onlyCanary(b[1:])...)
				}
			}
			return rules
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			forRandom(t, func(t *testing.T, _ *rand.Rand, o Overlay, user, laid []any) {
				for _, w := range []Author{{}, {Blind: true}} {
					want := edit(runtime.DeepCopyJSONValue(user).([]any))
					wish, _ := gatewayAPI.Wish(Standing{o, user, laid}, w, edit(runtime.DeepCopyJSONValue(laid).([]any)))
					if diff := cmp.Diff(want, wish); diff != "" {
						t.Errorf("the wish differs (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// onlyCanary are those of the backends that are the canary's.
func (d Dialect) onlyCanary(backends []any) []any {
	var out []any
	for _, b := range backends {
		if d.isService(b, "ns", "shop-canary") {
			out = append(out, b)
		}
	}
	return out
}

// shares are the shares of the backends of a rule, as the Gateway API defines them.
func shares(backends []any) (of []float64, sum float64) {
	for _, b := range backends {
		sum += float64(gatewayAPI.weightOf(b))
	}
	for _, b := range backends {
		if sum == 0 {
			of = append(of, 0)
			continue
		}
		of = append(of, float64(gatewayAPI.weightOf(b))/sum)
	}
	return of, sum
}

func TestProportionsAreKept(t *testing.T) {
	forRandom(t, func(t *testing.T, _ *rand.Rand, o Overlay, user, laid []any) {
		if len(user) != len(laid) {
			t.Fatalf("%d rules became %d", len(user), len(laid))
		}
		for i := range user {
			before, after := gatewayAPI.backendsOf(user[i]), gatewayAPI.backendsOf(laid[i])
			want, _ := shares(before)
			got, sum := shares(after)
			rounding := 0.5
			if sum == 1 {
				rounding = 1 // one share of one
			}
			var canary, production, taken float64
			for j, b := range after {
				switch {
				case gatewayAPI.isService(b, "ns", "shop-canary"):
					canary += got[j]
				case !gatewayAPI.isService(b, "ns", "shop") && abs(got[j]-want[j]) > 1e-9:
					t.Errorf("backend %d of another Service has %v, want %v", j, got[j], want[j])
				case gatewayAPI.isService(b, "ns", "shop"):
					production, taken = production+got[j], taken+want[j]
				}
				if w := gatewayAPI.weightOf(b); w < 0 || w > gatewayAPI.mostWeight {
					t.Errorf("weight %d", w)
				}
			}
			if sum > 0 && abs(canary+production-taken) > 1e-9 {
				t.Errorf("rule %d: production and canary together have %v, want %v", i, canary+production, taken)
			}
			// Each copy may be off by a half, and by one where it would else have nothing.
			room := (rounding + 1) * float64(len(after)-len(before)) / max(sum, 1)
			if want := taken * float64(o.Percent) / 100; abs(canary-want) > room+1e-9 {
				t.Errorf("rule %d: the canary has %v of the requests, want %v: %s", i, canary, want, text(t, after))
			}
		}
	})
}

func abs(x float64) float64 { return max(x, -x) }

func TestOnlyWeightsChangeAndOnlyCopiesCome(t *testing.T) {
	forRandom(t, func(t *testing.T, _ *rand.Rand, o Overlay, user, laid []any) {
		for i := range user {
			rest := without(laid[i].(map[string]any), "backendRefs")
			if !reflect.DeepEqual(rest, without(user[i].(map[string]any), "backendRefs")) {
				t.Errorf("rule %d has changed: %s", i, text(t, rest))
			}
			before, after := gatewayAPI.backendsOf(user[i]), gatewayAPI.backendsOf(laid[i])
			for j := range after {
				if j < len(before) && text(t, gatewayAPI.withWeight(before[j], 0)) != text(t, gatewayAPI.withWeight(after[j], 0)) {
					t.Errorf("backend %d has changed: %s", j, text(t, after[j]))
				}
				if j >= len(before) && !gatewayAPI.isService(after[j], "ns", "shop-canary") {
					t.Errorf("backend %d came: %s", j, text(t, after[j]))
				}
			}
		}
	})
}
