package route

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// call is a request, or a call of gRPC.
type call struct {
	path, method, service, rpc string
	headers, query             map[string]string
}

// rank is how much a match asks for that a call fits: the larger one comes first, by its first part that
// differs.
type rank [6]int

// ranked is what the Gateway API says of a match, written anew from its text: nil where the call does not
// fit.
func (c call) ranked(match map[string]any) *rank {
	var out rank
	if path, is := match["path"].(map[string]any); is {
		value := textOr(path, "value", "/")
		if textOr(path, "type", "PathPrefix") == "Exact" {
			if c.path != value {
				return nil
			}
			out[0] = 1
		} else {
			prefix := strings.TrimSuffix(value, "/")
			if c.path != prefix && !strings.HasPrefix(c.path, prefix+"/") {
				return nil
			}
			out[1] = len(prefix)
		}
	}
	switch method := match["method"].(type) {
	case string:
		if method != c.method {
			return nil
		}
		out[2] = 1
	case map[string]any:
		service, rpc := textOr(method, "service", ""), textOr(method, "method", "")
		if service != "" && service != c.service || rpc != "" && rpc != c.rpc {
			return nil
		}
		out[2], out[3] = len(service), len(rpc)
	}
	for i, key := range []string{"headers", "queryParams"} {
		has := []map[string]string{c.headers, c.query}[i]
		for _, asked := range objectsOf(match, key) {
			name := textOr(asked, "name", "")
			if key == "headers" {
				name = strings.ToLower(name)
			}
			if has[name] != textOr(asked, "value", "") {
				return nil
			}
			out[4+i]++
		}
	}
	return &out
}

// goes is where the rules send a call: the shares of the Services, nil where no rule fits.
func (c call) goes(d Dialect, rules []any) map[string]float64 {
	var best *rank
	var taken any
	for _, rule := range rules {
		for _, match := range d.whatItAsks(rule) {
			if r := c.ranked(match); r != nil && (best == nil || slices.Compare(r[:], best[:]) > 0) {
				best, taken = r, rule
			}
		}
	}
	if best == nil {
		return nil
	}
	out := map[string]float64{}
	of, _ := scene{Dialect: d}.shares(d.backendsOf(taken))
	for i, b := range d.backendsOf(taken) {
		ref := b.(map[string]any)
		out[fmt.Sprintf("%v/%v", ref["namespace"], ref["name"])] += of[i]
	}
	if fields := taken.(map[string]any); fields["filters"] != nil {
		out[fmt.Sprint(fields["filters"])] = 1
	}
	return out
}

var (
	somePaths   = []string{"/", "/a", "/a/", "/a/b", "/b"}
	someHeaders = []string{"x-one", "x-two", "x-canary"}
	someValues  = []string{"1", "2"}
)

func pick(r *rand.Rand, of []string) string { return of[r.Intn(len(of))] }

// anyMatch is a match as one could be.
func anyMatch(r *rand.Rand, grpc bool) map[string]any {
	out := map[string]any{}
	switch {
	case grpc && r.Intn(2) == 0:
		out["method"] = map[string]any{"type": "Exact", "service": pick(r, []string{"shop.Cart", "shop.Till"})}
		if r.Intn(2) == 0 {
			out["method"].(map[string]any)["method"] = pick(r, []string{"Add", "Pay"})
		}
	case !grpc:
		out["path"] = map[string]any{"type": pick(r, []string{"PathPrefix", "PathPrefix", "Exact"}), "value": pick(r, somePaths)}
		if r.Intn(4) == 0 {
			out["method"] = pick(r, []string{"GET", "PUT"})
		}
		if r.Intn(4) == 0 {
			out["queryParams"] = []any{map[string]any{"name": "q", "type": "Exact", "value": pick(r, someValues)}}
		}
	}
	var headers []any
	for _, name := range someHeaders {
		if n := r.Intn(12); n < 4 && (name != "x-canary" || n == 0) {
			headers = append(headers, map[string]any{"name": name, "type": "Exact", "value": pick(r, someValues)})
		}
	}
	if headers != nil {
		out["headers"] = headers
	}
	return out
}

func anyCall(r *rand.Rand) call {
	c := call{
		path: pick(r, []string{"/", "/a", "/a/b", "/a/b/c", "/b", "/c"}), method: pick(r, []string{"GET", "PUT", "HEAD"}),
		service: pick(r, []string{"shop.Cart", "shop.Till", "other"}), rpc: pick(r, []string{"Add", "Pay", "Get"}),
		headers: map[string]string{}, query: map[string]string{},
	}
	for _, name := range append(someHeaders, "x-more") {
		if r.Intn(2) == 0 {
			c.headers[name] = pick(r, someValues)
		}
	}
	if r.Intn(2) == 0 {
		c.query["q"] = pick(r, someValues)
	}
	return c
}

// forRandomMatches tries a property on many rules with matches, over which an overlay with a match lies.
func forRandomMatches(t *testing.T, holds func(t *testing.T, r *rand.Rand, d Dialect, o Overlay, user, laid []any)) {
	t.Helper()
	laidAny, refused := 0, 0
	for seed := range int64(400) {
		r := rand.New(rand.NewSource(seed))
		o, grpc := overlay(int64(r.Intn(101))), r.Intn(4) == 0
		d := gatewayAPI
		if grpc {
			d = grpcAPI
		}
		if r.Intn(3) == 0 {
			o.Percent = 0
		}
		o.Match = []Header{{"X-Canary", "Exact", "1"}}
		if r.Intn(3) == 0 {
			o.Match = append(o.Match, Header{"X-More", "Exact", "2"})
		}
		user := scene{Dialect: d, Rand: r, backend: dialects["GatewayAPI"].backend}.anyRules()
		for _, rule := range user {
			fields := rule.(map[string]any)
			delete(fields, "matches")
			var all []any
			for range r.Intn(3) {
				all = append(all, anyMatch(r, grpc))
			}
			if all != nil {
				fields["matches"] = all
			}
			if r.Intn(5) == 0 {
				delete(fields, "backendRefs")
				fields["filters"] = []any{map[string]any{"type": "RequestRedirect", "to": fmt.Sprint(r.Intn(9))}}
			}
		}
		before := text(t, user)
		laid, err := d.Lay(o, user)
		if err != nil {
			refused++
			continue
		}
		if len(laid) > len(user) {
			laidAny++
		}
		holds(t, r, d, o, user, laid)
		if text(t, user) != before {
			t.Errorf("the rules of the user were changed")
		}
		if t.Failed() {
			t.Fatalf("seed %d: %s\nlaid: %s", seed, text(t, user), text(t, laid))
		}
	}
	if laidAny < 100 || refused > 200 {
		t.Errorf("tried on %d routes with copies, %d were refused", laidAny, refused)
	}
}

// TestRequestsGoWhereTheyAreToGo: one with the headers to the canary instead of production, and else as
// before; one without them as if there were no match.
func TestRequestsGoWhereTheyAreToGo(t *testing.T) {
	forRandomMatches(t, func(t *testing.T, r *rand.Rand, d Dialect, o Overlay, user, laid []any) {
		share := o
		share.Match = nil
		shared, err := d.Lay(share, user)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			c := anyCall(r)
			matches := true
			for _, h := range o.Match {
				matches = matches && c.headers[strings.ToLower(h.Name)] == h.Value
			}
			want := c.goes(d, shared)
			if matches {
				want = map[string]float64{}
				before := c.goes(d, user)
				for to, share := range before {
					switch to {
					case "<nil>/shop", "ns/shop":
						to = strings.Replace(to, "shop", "shop-canary", 1)
					}
					want[to] += share
				}
				if before == nil {
					want = nil
				}
			}
			got := c.goes(d, laid)
			for _, to := range []map[string]float64{got, want} {
				for name, share := range to {
					if share == 0 {
						delete(to, name)
					}
				}
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b float64) bool { return abs(a-b) < 1e-9 })); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", c, diff)
				return
			}
		}
	})
}

func TestWhatIsLaidForMatchesComesOffByteForByte(t *testing.T) {
	forRandomMatches(t, func(t *testing.T, _ *rand.Rand, d Dialect, o Overlay, user, laid []any) {
		record := Record{Service: o.Service, Canary: o.Canary, Percent: o.Percent, Match: o.Match, Rules: user}
		s, err := d.StandingOn(o.Namespace, record, runtime.DeepCopyJSONValue(laid).([]any))
		if err != nil || text(t, s.User) != text(t, user) || text(t, s.Laid) != text(t, laid) {
			t.Errorf("%v: the user asks for %s, want %s", err, text(t, s.User), text(t, user))
		}
		for _, own := range [][]any{user, laid} {
			wish, _ := d.Wish(s, Author{}, runtime.DeepCopyJSONValue(own).([]any))
			if text(t, wish) != text(t, user) {
				t.Errorf("the wish is %s, want %s", text(t, wish), text(t, user))
			}
		}
	})
}

func TestAChangeOfAllRulesIsMadeToTheUsers(t *testing.T) {
	edits := map[string]func(r *rand.Rand, rules []any) []any{
		"a field of each rule": func(_ *rand.Rand, rules []any) []any {
			for _, rule := range rules {
				rule.(map[string]any)["timeouts"] = map[string]any{"request": "5s"}
			}
			return rules
		},
		"a rule more in front": func(_ *rand.Rand, rules []any) []any {
			return append([]any{map[string]any{"name": "new", "backendRefs": []any{map[string]any{"name": "other"}}}}, rules...)
		},
		"the first rule goes": func(_ *rand.Rand, rules []any) []any { return rules[1:] },
	}
	for name, edit := range edits {
		t.Run(name, func(t *testing.T) {
			forRandomMatches(t, func(t *testing.T, r *rand.Rand, d Dialect, o Overlay, user, laid []any) {
				for _, w := range []Author{{}, {Blind: true}} {
					want := edit(r, runtime.DeepCopyJSONValue(user).([]any))
					wish, _ := d.Wish(Standing{o, user, laid}, w, edit(r, runtime.DeepCopyJSONValue(laid).([]any)))
					if diff := cmp.Diff(want, wish); diff != "" {
						t.Errorf("the wish differs (-want +got):\n%s", diff)
					}
				}
			})
		})
	}
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
