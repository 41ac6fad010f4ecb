package route

import (
	"encoding/json"
	"maps"
	"math/rand"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// forRandomMatches tries a property on many rules with matches, over which an overlay with a match lies, in
// each dialect.
func forRandomMatches(t *testing.T, holds func(t *testing.T, g gateway, s scene)) {
	t.Helper()
	for name, g := range gateways {
		t.Run(name, func(t *testing.T) {
			copied, refused := 0, 0
			for seed := range int64(600) {
				s := g.any(rand.New(rand.NewSource(seed)))
				s.o.Match = []Header{{"X-Canary", "Exact", "1"}, {"X-More", "Exact", "2"}}[:1+s.Intn(2)]
				before := text(t, s.user)
				var err error
				if s.laid, err = s.Lay(s.o, s.user); err != nil {
					refused++ // a rule asks for the header itself
					continue
				}
				if len(s.laid) > len(s.user) {
					copied++
				}
				holds(t, g, s)
				if text(t, s.user) != before {
					t.Errorf("the rules of the user were changed")
				}
				if t.Failed() {
					t.Fatalf("seed %d: %s\nlaid: %s", seed, before, text(t, s.laid))
				}
			}
			if copied < 200 || refused > 300 {
				t.Errorf("tried on %d routes with copies, %d were refused", copied, refused)
			}
		})
	}
}

// TestRequestsGoWhereTheyAreToGo: one with the headers to the canary instead of production, and else as
// before; one without them as if there were no match.
func TestRequestsGoWhereTheyAreToGo(t *testing.T) {
	forRandomMatches(t, func(t *testing.T, g gateway, s scene) {
		share := s.o
		share.Match = nil
		shared, err := s.Lay(share, s.user)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			c := anyCall(s.Rand)
			want := g.goes(c, s.Dialect, shared)
			if c.has(s.o.Match) {
				want = g.toTheCanary(g.goes(c, s.Dialect, s.user))
			}
			got := g.goes(c, s.Dialect, s.laid)
			for _, to := range []map[string]float64{got, want} {
				maps.DeleteFunc(to, func(_ string, share float64) bool { return share == 0 })
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return abs(a-b) < 1e-9 })); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", c, diff)
				return
			}
		}
	})
}

func TestWhatIsLaidForMatchesComesOffByteForByte(t *testing.T) {
	forRandomMatches(t, func(t *testing.T, _ gateway, s scene) {
		record := Record{Service: s.o.Service, Canary: s.o.Canary, Parts: s.o.Parts, Percent: s.o.Percent, Match: s.o.Match, Rules: s.user}
		if !s.IsLaid("ns", record, s.laid) {
			t.Error("it is not seen to be laid")
		}
		standing, err := s.StandingOn(s.o.Namespace, record, runtime.DeepCopyJSONValue(s.laid).([]any))
		if err != nil || text(t, standing.User) != text(t, s.user) || text(t, standing.Laid) != text(t, s.asStanding(s.standing()).Laid) {
			t.Errorf("%v: the user asks for %s, want %s", err, text(t, standing.User), text(t, s.user))
		}
		for _, own := range [][]any{s.user, s.laid} {
			wish, _ := s.Wish(standing, Author{}, runtime.DeepCopyJSONValue(own).([]any))
			if text(t, wish) != text(t, s.user) {
				t.Errorf("the wish is %s, want %s", text(t, wish), text(t, s.user))
			}
		}
	})
}

func TestAChangeOfAllRulesIsMadeToTheUsers(t *testing.T) {
	forRandomMatches(t, func(t *testing.T, g gateway, s scene) {
		for name, edit := range g.edits {
			for _, w := range []Author{{}, {Blind: true}} {
				want := edit(runtime.DeepCopyJSONValue(s.user).([]any))
				wish, _ := s.Wish(s.standing(), w, edit(runtime.DeepCopyJSONValue(s.laid).([]any)))
				if diff := cmp.Diff(want, wish); diff != "" {
					t.Errorf("%s: the wish differs (-want +got):\n%s", name, diff)
				}
			}
		}
	})
}

// FuzzMatches: whatever rules are, and whatever is sent, nothing panics, and what is laid comes off.
func FuzzMatches(f *testing.F) {
	f.Add(`[{"matches": [{"headers": [{"name": "X", "value": "y"}]}], "backendRefs": [{"name": "shop"}]}]`, `[{"backendRefs": [{"name": "shop-canary"}]}]`, int64(5))
	f.Add(`[1, null, "x", [], {"matches": 7, "backendRefs": 7}, {"matches": [1, null, {"headers": 1, "path": 2, "method": []}], "backendRefs": [{"name": "shop"}]}]`, `[null]`, int64(0))
	f.Add(`[{"match": [{"headers": {"x": {"exact": "y"}}}, 1], "route": [{"destination": {"host": "shop"}}]}, {"match": {}, "route": [{"destination": {"host": "shop"}}]}]`, `[{"match": [{"headers": 1}], "route": [{"destination": {"host": "shop-canary"}}]}]`, int64(5))
	f.Fuzz(func(t *testing.T, user, sent string, percent int64) {
		var of, others []any
		if utiljson.Unmarshal([]byte(user), &of) != nil || json.Unmarshal([]byte(sent), &others) != nil {
			return
		}
		for _, d := range []Dialect{gatewayAPI, grpcAPI, virtualService} {
			o := matched(percent % 101)
			laid, err := d.Lay(o, of)
			if err != nil {
				continue
			}
			s := Standing{o, of, laid}
			if wish, _ := d.Wish(s, Author{}, laid); !sameText(wish, of) {
				t.Errorf("%v became %v", of, wish)
			}
			d.Wish(s, Author{}, others)
			if _, err := d.StandingOn("ns", Record{Service: o.Service, Canary: o.Canary, Percent: o.Percent, Match: o.Match, Rules: of}, others); err != nil {
				t.Error(err)
			}
		}
	})
}

func sameText(a, b any) bool {
	of, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	return string(of) == string(other)
}
