package route

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestLayForRequestsThatMatchOverVirtualServices(t *testing.T) {
	const canary = `"route": [{"destination": {"host": "shop-canary"}, "weight": 100}]`
	for name, tc := range map[string]struct {
		percent    int64
		match      []Header
		user, want string
	}{
		"a rule of its own before the one it is made of": {0, always,
			`[{"match": [{"uri": {"prefix": "/b"}}], "route": [{"destination": {"host": "old"}}]}, {"name": "all", "timeout": "5s", "route": [{"destination": {"host": "shop"}}]}]`,
			`[{"match": [{"uri": {"prefix": "/b"}}], "route": [{"destination": {"host": "old"}}]},
			  {"match": [{"headers": {"x-canary": {"exact": "always"}}}], "timeout": "5s", ` + canary + `}, {"name": "all", "timeout": "5s", "route": [{"destination": {"host": "shop"}}]}]`},
		"and a share of the others": {25, always,
			`[{"route": [{"destination": {"host": "shop"}}]}]`,
			`[{"match": [{"headers": {"x-canary": {"exact": "always"}}}], ` + canary + `}, {"route": [{"destination": {"host": "shop"}, "weight": 75}, {"destination": {"host": "shop-canary"}, "weight": 25}]}]`},
		"each match of a rule, with the headers that it asks for": {0, always,
			`[{"match": [{"uri": {"exact": "/a"}, "method": {"exact": "GET"}}, {"headers": {"x-env": {"prefix": "t"}}, "withoutHeaders": {"x-canary": {}}}], "route": [{"destination": {"host": "shop"}}]}]`,
			`[{"match": [{"uri": {"exact": "/a"}, "method": {"exact": "GET"}, "headers": {"x-canary": {"exact": "always"}}},
				{"headers": {"x-env": {"prefix": "t"}, "x-canary": {"exact": "always"}}, "withoutHeaders": {"x-canary": {}}}], ` + canary + `},
			  {"match": [{"uri": {"exact": "/a"}, "method": {"exact": "GET"}}, {"headers": {"x-env": {"prefix": "t"}}, "withoutHeaders": {"x-canary": {}}}], "route": [{"destination": {"host": "shop"}}]}]`},
		"other destinations keep their part, other subsets too": {0, always,
			`[{"route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 60}, {"destination": {"host": "shop", "subset": "v1"}, "weight": 30}, {"destination": {"host": "old"}, "weight": 10}]}]`,
			`[{"match": [{"headers": {"x-canary": {"exact": "always"}}}], "route": [{"destination": {"host": "shop-canary"}, "weight": 60}, {"destination": {"host": "shop", "subset": "v1"}, "weight": 30}, {"destination": {"host": "old"}, "weight": 10}]},
			  {"route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 60}, {"destination": {"host": "shop", "subset": "v1"}, "weight": 30}, {"destination": {"host": "old"}, "weight": 10}]}]`},
		"an expression, and two headers": {0, []Header{{"Cookie", "RegularExpression", "^(.*; *)?a=b( *;.*)?$"}, {"X-Ring", "Exact", "inner"}},
			`[{"route": [{"destination": {"host": "shop"}}]}]`,
			`[{"match": [{"headers": {"cookie": {"regex": "^(.*; *)?a=b( *;.*)?$"}, "x-ring": {"exact": "inner"}}}], ` + canary + `}, {"route": [{"destination": {"host": "shop"}}]}]`},
		"another value of the header has no copy, nor has who sends it elsewhere": {0, always,
			`[{"match": [{"headers": {"X-Canary": {"exact": "always"}}}], "route": [{"destination": {"host": "old"}}]}, {"match": [{"headers": {"x-canary": {"exact": "never"}}}], "route": [{"destination": {"host": "shop"}}]}]`,
			`[{"match": [{"headers": {"X-Canary": {"exact": "always"}}}], "route": [{"destination": {"host": "old"}}]}, {"match": [{"headers": {"x-canary": {"exact": "never"}}}], "route": [{"destination": {"host": "shop"}}]}]`},
		"rules without destinations of the Deployment": {0, always,
			`[{"redirect": {"uri": "/a"}}, {"delegate": {"name": "b"}}, {"route": [{"destination": {"host": "shop"}, "weight": 0}, {"destination": {"host": "old"}, "weight": 1}]}]`,
			`[{"redirect": {"uri": "/a"}}, {"delegate": {"name": "b"}}, {"route": [{"destination": {"host": "shop"}, "weight": 0}, {"destination": {"host": "old"}, "weight": 1}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			o := overlay(tc.percent)
			o.Match, o.Parts = tc.match, []string{"ours"}
			got, err := virtualService.Lay(o, rules(t, tc.user))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("rules differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIstioCannotMatchIsSaid(t *testing.T) {
	one := `[{"route": [{"destination": {"host": "shop"}}]}]`
	for name, tc := range map[string]struct {
		match      []Header
		user, want string
	}{
		"no room": {always, "[" + strings.Repeat(`{"route": [{"destination": {"host": "shop"}}]},`, 128) + "{}]",
			"spec.http: has 129 rules, takes 128 more for the requests that match, and may have 256: there is no room; make two routes of it"},
		"a name that is none to Istio": {[]Header{{"x.canary", "Exact", "a"}}, one,
			`spec.http: Istio takes "x.canary" for no name of a header, which match of the plan asks for; choose another header in the plan`},
		"a name that Istio ignores": {[]Header{{"Method", "Exact", "a"}}, one,
			`spec.http: Istio takes "Method" for no name of a header, which match of the plan asks for; choose another header in the plan`},
		"no expression": {[]Header{{"x-canary", "RegularExpression", "*"}}, one,
			"spec.http: match of the plan has an expression for header x-canary that Istio does not read: error parsing regexp: missing argument to repetition operator: `*`"},
		"the same requests go somewhere already": {always, `[{"match": [{"headers": {"x-canary": {"exact": "always"}}}], "route": [{"destination": {"host": "shop"}}]}]`,
			"spec.http[0].match[0].headers: asks for X-Canary: always, as match of the plan does: these requests go where this rule sends them already; choose another header in the plan"},
		"the header is asked for otherwise": {always, `[{"match": [{}, {"headers": {"x-canary": {"prefix": "al"}}}], "route": [{"destination": {"host": "shop"}}]}]`,
			"spec.http[0].match[1].headers: asks for header X-Canary, and so does match of the plan: both cannot be asked for at once; choose another header in the plan"},
	} {
		t.Run(name, func(t *testing.T) {
			o := overlay(5)
			o.Match = tc.match
			_, err := virtualService.Lay(o, rules(t, tc.user))
			if got := fmt.Sprint(err); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestWishOfWhoSeesTheCopiesOfAVirtualService(t *testing.T) {
	const user = `[{"name": "old", "match": [{"uri": {"prefix": "/old"}}], "route": [{"destination": {"host": "old"}}]}, {"name": "all", "route": [{"destination": {"host": "shop"}}]}]`
	// Of these the second has a copy before it.
	for name, tc := range map[string]struct {
		edit func(laid []any) []any
		want string
		way  Way
	}{
		"nothing is changed":        {func(laid []any) []any { return laid }, user, WayUnchanged},
		"the copy is put elsewhere": {func(laid []any) []any { return []any{laid[0], laid[2], laid[1]} }, user, WayUnchanged},
		"the copy is changed": {func(laid []any) []any {
			laid[1].(map[string]any)["timeout"] = "5s"
			return laid
		}, user, WayDifference},
		"the copy is another's": {func(laid []any) []any {
			laid[1].(map[string]any)["match"] = []any{map[string]any{"uri": map[string]any{"prefix": "/"}}}
			return laid
		}, user, WayDifference},
		"the copy is taken out": {func(laid []any) []any { return []any{laid[0], laid[2]} }, user, WayDifference},
		"all are changed": {func(laid []any) []any {
			for _, rule := range laid {
				rule.(map[string]any)["timeout"] = "5s"
			}
			return laid
		}, strings.ReplaceAll(user, `{"name"`, `{"timeout": "5s", "name"`), WayDifference},
		"the first is taken out": {func(laid []any) []any { return laid[1:] }, `[{"name": "all", "route": [{"destination": {"host": "shop"}}]}]`, WayDifference},
	} {
		for _, percent := range []int64{0, 20} {
			t.Run(fmt.Sprintf("%s, at %d %%", name, percent), func(t *testing.T) {
				laid, err := virtualService.Lay(matched(percent), rules(t, user))
				if err != nil || len(laid) != 3 {
					t.Fatal(laid, err)
				}
				got, way := virtualService.Wish(Standing{matched(percent), rules(t, user), laid}, Author{}, tc.edit(runtime.DeepCopyJSONValue(laid).([]any)))
				want := tc.way
				if percent == 0 && name == "the copy is taken out" {
					want = WayOwn // what is left is the user's own text
				}
				if diff := cmp.Diff(rules(t, tc.want), got); diff != "" || way != want {
					t.Errorf("the wish (%s) differs (-want +got):\n%s", way, diff)
				}
			})
		}
	}
}

// fitsIstio says whether a call fits a match of Istio's, written anew from its text.
func (c call) fitsIstio(match map[string]any) bool {
	says := func(field any, value string) bool {
		how, _ := field.(map[string]any)
		for kind, of := range how {
			if kind == "exact" && value != of || kind == "prefix" && !strings.HasPrefix(value, of.(string)) {
				return false
			}
		}
		return true
	}
	if !says(match["uri"], c.path) || !says(match["method"], c.method) {
		return false
	}
	headers, _ := match["headers"].(map[string]any)
	for name, how := range headers {
		value, has := c.headers[strings.ToLower(name)]
		if !has || !says(how, value) {
			return false
		}
	}
	without, _ := match["withoutHeaders"].(map[string]any)
	for name, how := range without {
		if value, has := c.headers[strings.ToLower(name)]; has && says(how, value) {
			return false
		}
	}
	return true
}

// goesByIstio is where the first rule that fits sends a call, nil where none does.
func (c call) goesByIstio(_ Dialect, rules []any) map[string]float64 {
	for _, rule := range rules {
		matches := virtualService.matchesOf(rule)
		fits := len(matches) == 0
		for _, m := range matches {
			fits = fits || c.fitsIstio(m.(map[string]any))
		}
		if !fits {
			continue
		}
		out := map[string]float64{}
		backends := virtualService.backendsOf(rule)
		of, _ := scene{Dialect: virtualService}.shares(backends)
		for i, b := range backends {
			destination := b.(map[string]any)["destination"].(map[string]any)
			name, part := virtualService.serviceOf(b.(map[string]any), "ns")
			if name == "" {
				name = fmt.Sprint(destination["host"])
			}
			out[name+"/"+part] += of[i]
		}
		return out
	}
	return nil
}

// anyIstioMatch is a match as one could be.
func anyIstioMatch(r *rand.Rand) map[string]any {
	out := map[string]any{}
	how := func(value string) map[string]any {
		return map[string]any{pick(r, []string{"exact", "prefix"}): value}
	}
	if r.Intn(3) > 0 {
		out["uri"] = how(pick(r, somePaths))
	}
	if r.Intn(4) == 0 {
		out["method"] = how(pick(r, []string{"GET", "PUT"}))
	}
	for _, field := range []string{"headers", "withoutHeaders"} {
		all := map[string]any{}
		for _, name := range someHeaders {
			if n := r.Intn(12); n < 3 && (name != "x-canary" || n == 0) {
				all[name] = map[string]any{"exact": pick(r, someValues)}
			}
		}
		if len(all) > 0 {
			out[field] = all
		}
	}
	return out
}

// anyVirtualService is rules of one, and what is to be laid over them.
func anyVirtualService(r *rand.Rand) scene {
	s := scene{Dialect: virtualService, Rand: r, backend: dialects["VirtualService"].backend}
	s.o = overlay(int64(r.Intn(101)) * int64(r.Intn(2)))
	s.o.Parts = []string{"ours"}
	s.user = s.anyRules()
	for _, rule := range s.user {
		s.setMatches(rule.(map[string]any), "match", func() any { return anyIstioMatch(r) })
	}
	return s
}
