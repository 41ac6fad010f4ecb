package route

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

// dialects are those that there are. What a backend says but its weight, each says in its own way.
var dialects = map[string]struct {
	Dialect
	backend func(r *rand.Rand) map[string]any
}{
	"GatewayAPI": {gatewayAPI, func(r *rand.Rand) map[string]any {
		backend := map[string]any{"name": anyName(r), "port": int64(80 + r.Intn(2))}
		if r.Intn(4) == 0 {
			backend["filters"] = []any{map[string]any{"type": "RequestHeaderModifier"}}
		}
		if r.Intn(5) == 0 {
			backend["namespace"] = []string{"ns", "elsewhere"}[r.Intn(2)]
		}
		if r.Intn(5) == 0 {
			backend["kind"], backend["group"] = "Service", ""
		}
		return backend
	}},
	"VirtualService": {virtualService, func(r *rand.Rand) map[string]any {
		domain := []string{"", "", ".ns.svc.cluster.local", ".ns.svc.example", ".elsewhere.svc.cluster.local", ".ns"}[r.Intn(6)]
		destination := map[string]any{"host": anyName(r) + domain, "port": map[string]any{"number": int64(80 + r.Intn(2))}}
		if r.Intn(3) == 0 {
			destination["subset"] = []string{"ours", "theirs"}[r.Intn(2)]
		}
		backend := map[string]any{"destination": destination}
		if r.Intn(4) == 0 {
			backend["headers"] = map[string]any{"request": map[string]any{"set": map[string]any{"a": "b"}}}
		}
		return backend
	}},
}

func anyName(r *rand.Rand) string { return []string{"shop", "shop", "other", "third"}[r.Intn(4)] }

// scene is a dialect, an overlay, what a user wrote in it and what that is with the overlay.
type scene struct {
	Dialect
	*rand.Rand
	backend    func(r *rand.Rand) map[string]any
	o          Overlay
	user, laid []any
}

func (s scene) standing() Standing { return Standing{s.o, s.user, s.laid} }

// anyRules are rules as people write them, and some as nobody would: several backends, the production
// Service more than once, weights of 0 and none, fields that no library knows.
func (s scene) anyRules() []any {
	rules := make([]any, 1+s.Intn(4))
	for i := range rules {
		rule := map[string]any{"matches": []any{map[string]any{"path": map[string]any{"value": fmt.Sprintf("/%d", s.Intn(3))}}}}
		if s.Intn(3) == 0 {
			rule["name"] = fmt.Sprintf("rule-%d", i)
		}
		if s.Intn(3) == 0 {
			rule["fromTheFuture"] = map[string]any{"limit": int64(s.Intn(9))}
		}
		if n := s.Intn(5); n > 0 {
			rule[s.backends] = s.anyBackends(n)
		}
		rules[i] = rule
	}
	return rules
}

func (s scene) anyBackends(n int) []any {
	backends := make([]any, n)
	for i := range backends {
		backend := s.backend(s.Rand)
		switch s.Intn(5) {
		case 0:
			backend["weight"] = int64(0)
		case 1:
			backend["weight"] = int64(1 + s.Intn(100))
		case 2:
			backend["weight"] = int64(1 + s.Intn(1_000_000))
		case 3:
			backend["weight"] = s.mostWeight / 4
		}
		backends[i] = backend
	}
	return backends
}

// forRandom tries a property on many rules and overlays, in each dialect.
func forRandom(t *testing.T, holds func(t *testing.T, s scene)) {
	t.Helper()
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			for seed := range int64(1_000) {
				s := scene{Dialect: d.Dialect, Rand: rand.New(rand.NewSource(seed)), backend: d.backend}
				s.o = Overlay{Namespace: "ns", Service: "shop", Canary: "shop-canary", Parts: []string{"ours"}, Percent: int64(s.Intn(101))}
				s.user = s.anyRules()
				before := text(t, s.user)
				var err error
				if s.laid, err = s.Lay(s.o, s.user); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				holds(t, s)
				if text(t, s.user) != before {
					t.Fatalf("seed %d: the rules of the user were changed", seed)
				}
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
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
	forRandom(t, func(t *testing.T, s scene) {
		wish, way := s.Wish(s.standing(), Author{}, runtime.DeepCopyJSONValue(s.laid).([]any))
		if text(t, wish) != text(t, s.user) || way != WayUnchanged {
			t.Errorf("the wish is %s (%s), want %s", text(t, wish), way, text(t, s.user))
		}
	})
}

func TestAUsersOwnTextIsTheWish(t *testing.T) {
	forRandom(t, func(t *testing.T, s scene) {
		for _, own := range [][]any{s.user, s.anyRules()} {
			wish, _ := s.Wish(s.standing(), Author{}, own)
			if text(t, wish) != text(t, own) {
				t.Errorf("the wish is %s, want %s", text(t, wish), text(t, own))
			}
		}
	})
}

func TestAChangeMadeToTheOverlaidTextIsMadeToTheUsers(t *testing.T) {
	edits := map[string]func(s scene, rules []any) []any{
		"a field of each rule": func(_ scene, rules []any) []any {
			for _, rule := range rules {
				rule.(map[string]any)["timeouts"] = map[string]any{"request": "5s"}
			}
			return rules
		},
		"a rule more in front": func(s scene, rules []any) []any {
			return append([]any{map[string]any{"name": "new", s.backends: []any{map[string]any{"name": "other"}}}}, rules...)
		},
		"the first rule goes": func(_ scene, rules []any) []any { return rules[1:] },
		"all but its first backend go": func(s scene, rules []any) []any {
			for _, rule := range rules {
				if b := s.backendsOf(rule); len(b) > 0 {
					rule.(map[string]any)[s.backends] = append(b[:1:1], s.onlyCanary(b[1:])...)
				}
			}
			return rules
		},
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			forRandom(t, func(t *testing.T, s scene) {
				for _, w := range []Author{{}, {Blind: true}} {
					want := edit(s, runtime.DeepCopyJSONValue(s.user).([]any))
					wish, _ := s.Wish(s.standing(), w, edit(s, runtime.DeepCopyJSONValue(s.laid).([]any)))
					if diff := cmp.Diff(want, wish); diff != "" {
						t.Errorf("the wish differs (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
}

// onlyCanary are those of the backends that are the canary's.
func (s scene) onlyCanary(backends []any) []any {
	return slices.DeleteFunc(slices.Clone(backends), func(b any) bool { return !s.isService(b, s.o.Namespace, s.o.Canary) })
}

// shares are the shares of the backends of a rule, as both APIs define them.
func (s scene) shares(backends []any) (of []float64, sum float64) {
	for _, b := range backends {
		sum += float64(s.weightOf(b, len(backends)))
	}
	for _, b := range backends {
		if sum == 0 {
			of = append(of, 0)
			continue
		}
		of = append(of, float64(s.weightOf(b, len(backends)))/sum)
	}
	return of, sum
}

func TestProportionsAreKept(t *testing.T) {
	forRandom(t, func(t *testing.T, s scene) {
		if len(s.user) != len(s.laid) {
			t.Fatalf("%d rules became %d", len(s.user), len(s.laid))
		}
		for i := range s.user {
			before, after := s.backendsOf(s.user[i]), s.backendsOf(s.laid[i])
			want, _ := s.shares(before)
			got, sum := s.shares(after)
			rounding := 0.5
			if sum == 1 {
				rounding = 1 // one share of one
			}
			if sum > float64(s.mostTogether) {
				t.Errorf("rule %d: the weights are %v together", i, sum)
			}
			var canary, production, taken float64
			for j, b := range after {
				switch {
				case s.isService(b, s.o.Namespace, s.o.Canary):
					canary += got[j]
				case !s.isProduction(s.o, b) && abs(got[j]-want[j]) > 1e-9:
					t.Errorf("backend %d of another Service has %v, want %v", j, got[j], want[j])
				case s.isProduction(s.o, b):
					production, taken = production+got[j], taken+want[j]
				}
				if w := s.weightOf(b, len(after)); w < 0 || w > s.mostWeight {
					t.Errorf("weight %d", w)
				}
			}
			if sum > 0 && abs(canary+production-taken) > 1e-9 {
				t.Errorf("rule %d: production and canary together have %v, want %v", i, canary+production, taken)
			}
			// Each copy may be off by a half, and by one where it would else have nothing.
			room := (rounding + 1) * float64(len(after)-len(before)) / max(sum, 1)
			if want := taken * float64(s.o.Percent) / 100; abs(canary-want) > room+1e-9 {
				t.Errorf("rule %d: the canary has %v of the requests, want %v: %s", i, canary, want, text(t, after))
			}
		}
	})
}

func abs(x float64) float64 { return max(x, -x) }

func TestOnlyWeightsChangeAndOnlyCopiesCome(t *testing.T) {
	forRandom(t, func(t *testing.T, s scene) {
		for i := range s.user {
			rest := without(s.laid[i].(map[string]any), s.backends)
			if !reflect.DeepEqual(rest, without(s.user[i].(map[string]any), s.backends)) {
				t.Errorf("rule %d has changed: %s", i, text(t, rest))
			}
			before, after := s.backendsOf(s.user[i]), s.backendsOf(s.laid[i])
			for j := range after {
				if j < len(before) && text(t, s.withWeight(before[j], 0)) != text(t, s.withWeight(after[j], 0)) {
					t.Errorf("backend %d has changed: %s", j, text(t, after[j]))
				}
				if j >= len(before) && !s.isService(after[j], s.o.Namespace, s.o.Canary) {
					t.Errorf("backend %d came: %s", j, text(t, after[j]))
				}
			}
		}
	})
}

// TestEqualBackendsGetBackWhatTheirCopiesHave: which of two copies that differ by nothing is whose, their
// order tells.
func TestEqualBackendsGetBackWhatTheirCopiesHave(t *testing.T) {
	forRandom(t, func(t *testing.T, s scene) {
		for i, rule := range s.laid {
			if len(s.backendsOf(rule)) == len(s.backendsOf(s.user[i])) {
				continue
			}
			// Whoever edits it has seen the weights: one more backend leaves those of the others as they stand,
			// undivided.
			edited := runtime.DeepCopyJSONValue(s.laid).([]any)
			backends := append([]any{map[string]any{"weight": int64(7)}}, s.backendsOf(edited[i])...)
			edited[i] = s.withBackends(edited[i], backends)
			wish, _ := s.Wish(s.standing(), Author{}, edited)
			want, got := s.sharesByText(t, s.backendsOf(s.user[i])), s.sharesByText(t, s.backendsOf(wish[i])[1:])
			if !maps.EqualFunc(want, got, func(a, b float64) bool { return abs(a-b) < 1e-9 }) {
				t.Errorf("rule %d: the shares are %v, want %v: %s", i, got, want, text(t, rule))
			}
		}
	})
}

// sharesByText are the shares of backends that differ by nothing but their weights.
func (s scene) sharesByText(t *testing.T, backends []any) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	of, _ := s.shares(backends)
	for i, b := range backends {
		out[text(t, s.withWeight(b, 0))] += of[i]
	}
	return out
}

// TestWhicheverOfTheSameItWas: where a text does not tell which of two backends is new, both together have
// what their writer has seen, the canary's given back, and nobody else has other requests.
func TestWhicheverOfTheSameItWas(t *testing.T) {
	forRandom(t, func(t *testing.T, s scene) {
		for i, rule := range s.laid {
			own, all := len(s.backendsOf(s.user[i])), s.backendsOf(rule)
			if len(all) == own {
				continue
			}
			sent := runtime.DeepCopyJSONValue(all).([]any)
			one := s.Intn(own)
			sent[one] = s.withWeight(sent[one], s.Int63n(s.weightOf(sent[one], len(all))+1)) // less: there is a largest
			sent = slices.Insert(sent, s.Intn(own+1), any(s.withWeight(sent[one], int64(1+s.Intn(20)))))
			edited := runtime.DeepCopyJSONValue(s.laid).([]any)
			edited[i] = s.withBackends(edited[i], sent)
			wish, _ := s.Wish(s.standing(), Author{}, edited)
			want, got := s.together(t, sent), s.together(t, s.backendsOf(wish[i]))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("rule %d: together they have (-want +got):\n%s\nuser %s\nlaid %s\nsent %s\nwish %s", i, diff, text(t, s.user[i]), text(t, rule), text(t, sent), text(t, wish[i]))
			}
		}
	})
}

// together are the weights of backends that differ by nothing but their weights, those of the canary with the
// ones that they are copies of.
func (s scene) together(t *testing.T, backends []any) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, b := range backends {
		copied := s.withWeight(b, 0)
		if s.isProduction(s.o, b) {
			copied = s.renamed(b, s.o.Canary, 0)
		}
		out[text(t, copied)] += s.weightOf(b, len(backends))
	}
	return out
}
