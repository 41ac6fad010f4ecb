package route

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var always = []Header{{Name: "X-Canary", Type: "Exact", Value: "always"}}

const asksAlways = `{"name": "X-Canary", "type": "Exact", "value": "always"}`

func matched(percent int64) Overlay {
	o := overlay(percent)
	o.Match = always
	return o
}

func TestLayForRequestsThatMatch(t *testing.T) {
	for name, tc := range map[string]struct {
		dialect    Dialect
		percent    int64
		user, want string
	}{
		"a rule of its own behind all others": {gatewayAPI, 0,
			`[{"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}], "timeouts": {"request": "5s"}, "backendRefs": [{"name": "shop", "port": 80, "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/b"}}], "backendRefs": [{"name": "legacy", "port": 80, "weight": 1}]}]`,
			`[{"matches": [{"path": {"type": "PathPrefix", "value": "/a"}}], "timeouts": {"request": "5s"}, "backendRefs": [{"name": "shop", "port": 80, "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/b"}}], "backendRefs": [{"name": "legacy", "port": 80, "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/a"}, "headers": [` + asksAlways + `]}], "timeouts": {"request": "5s"}, "backendRefs": [{"name": "shop-canary", "port": 80, "weight": 1}]}]`},
		"and a share of the others": {gatewayAPI, 50,
			`[{"name": "all", "backendRefs": [{"name": "shop"}]}]`,
			`[{"name": "all", "backendRefs": [{"name": "shop", "weight": 1}, {"name": "shop-canary", "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 1}]}]`},
		"another Service keeps its share": {gatewayAPI, 0,
			`[{"backendRefs": [{"name": "shop", "weight": 3}, {"name": "legacy", "weight": 1}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 3}, {"name": "legacy", "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 3}, {"name": "legacy", "weight": 1}]}]`},
		"each match of a rule, with the headers it asks for": {gatewayAPI, 0,
			`[{"matches": [{"path": {"type": "Exact", "value": "/a"}, "method": "GET"}, {"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Env", "value": "test"}]}], "backendRefs": [{"name": "shop"}]}]`,
			`[{"matches": [{"path": {"type": "Exact", "value": "/a"}, "method": "GET"}, {"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Env", "value": "test"}]}], "backendRefs": [{"name": "shop"}]},
			  {"matches": [{"path": {"type": "Exact", "value": "/a"}, "method": "GET", "headers": [` + asksAlways + `]},
			               {"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Env", "value": "test"}, ` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 1}]}]`},
		"what a header of the user's sends elsewhere goes there still": {gatewayAPI, 0,
			`[{"backendRefs": [{"name": "shop"}]}, {"matches": [{"headers": [{"name": "X-Old", "value": "yes"}]}], "backendRefs": [{"name": "legacy"}]}]`,
			`[{"backendRefs": [{"name": "shop"}]}, {"matches": [{"headers": [{"name": "X-Old", "value": "yes"}]}], "backendRefs": [{"name": "legacy"}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 1}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Old", "value": "yes"}, ` + asksAlways + `]}], "backendRefs": [{"name": "legacy"}]}]`},
		"what a longer path sends elsewhere goes there anyway": {gatewayAPI, 0,
			`[{"backendRefs": [{"name": "shop"}]}, {"matches": [{"path": {"type": "PathPrefix", "value": "/old"}, "headers": [{"name": "X-Old", "value": "yes"}]}], "backendRefs": [{"name": "legacy"}]}]`,
			`[{"backendRefs": [{"name": "shop"}]}, {"matches": [{"path": {"type": "PathPrefix", "value": "/old"}, "headers": [{"name": "X-Old", "value": "yes"}]}], "backendRefs": [{"name": "legacy"}]},
			  {"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 1}]}]`},
		"another value of the header has no copy": {gatewayAPI, 0,
			`[{"matches": [{"headers": [{"name": "x-canary", "value": "never"}]}], "backendRefs": [{"name": "shop"}]}]`,
			`[{"matches": [{"headers": [{"name": "x-canary", "value": "never"}]}], "backendRefs": [{"name": "shop"}]}]`},
		"calls of gRPC, by their method": {grpcAPI, 50,
			`[{"matches": [{"method": {"type": "Exact", "service": "shop.Cart", "method": "Add"}}], "backendRefs": [{"name": "shop", "port": 80}]}, {"backendRefs": [{"name": "shop", "port": 80}]}]`,
			`[{"matches": [{"method": {"type": "Exact", "service": "shop.Cart", "method": "Add"}}], "backendRefs": [{"name": "shop", "port": 80, "weight": 1}, {"name": "shop-canary", "port": 80, "weight": 1}]},
			  {"backendRefs": [{"name": "shop", "port": 80, "weight": 1}, {"name": "shop-canary", "port": 80, "weight": 1}]},
			  {"matches": [{"method": {"type": "Exact", "service": "shop.Cart", "method": "Add"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "port": 80, "weight": 1}]},
			  {"matches": [{"headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "port": 80, "weight": 1}]}]`},
		"what a method of gRPC sends elsewhere goes there still, also where a gateway counts headers first": {grpcAPI, 0,
			`[{"backendRefs": [{"name": "shop", "weight": 1}]}, {"matches": [{"method": {"service": "shop.Till"}}], "backendRefs": [{"name": "till"}]}]`,
			`[{"backendRefs": [{"name": "shop", "weight": 1}]}, {"matches": [{"method": {"service": "shop.Till"}}], "backendRefs": [{"name": "till"}]},
			  {"matches": [{"headers": [` + asksAlways + `]}], "backendRefs": [{"name": "shop-canary", "weight": 1}]},
			  {"matches": [{"method": {"service": "shop.Till"}, "headers": [` + asksAlways + `]}], "backendRefs": [{"name": "till"}]}]`},
		"a route without rules": {gatewayAPI, 50, `[]`, `[]`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tc.dialect.Lay(matched(tc.percent), rules(t, tc.user))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("rules differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhereRequestsThatMatchHaveNoRoomIsSaid(t *testing.T) {
	one := `{"backendRefs": [{"name": "shop"}]}`
	many := func(n int, entry string) string { return strings.TrimSuffix(strings.Repeat(entry+",", n), ",") }
	for name, tc := range map[string]struct{ user, want string }{
		"rules": {`[` + many(9, one) + `]`, "spec.rules: has 9 rules, takes 9 more for the requests that match, and may have 16: there is no room; make two routes of it"},
		"matches": {`[` + many(2, `{"matches": [`+many(40, `{"method": "GET"}`)+`], "backendRefs": [{"name": "shop"}]}`) + `]`,
			"spec.rules: would have 160 matches with those for the requests that match, and may have 128: there is no room; make two routes of it"},
		"headers": {`[{"matches": [{"headers": [` + many(16, `{"name": "a", "value": "b"}`) + `]}], "backendRefs": [{"name": "shop"}]}]`,
			"spec.rules[0].matches[0].headers: has 16 headers, takes 1 more for match of the plan, and may have 16"},
		"a rule of the user's for the same requests": {`[{}, {"matches": [{"headers": [{"name": "x-canary", "value": "always"}]}], "backendRefs": [{"name": "shop"}]}]`,
			"spec.rules[1].matches[0].headers: asks for X-Canary: always, as match of the plan does: these requests go where this rule sends them already; choose another header in the plan"},
		"a pattern for the header": {`[{"matches": [{"headers": [{"name": "X-Canary", "type": "RegularExpression", "value": "a.*"}]}], "backendRefs": [{"name": "shop"}]}]`,
			"spec.rules[0].matches[0].headers: asks for header X-Canary, and so does match of the plan: both cannot be asked for at once; choose another header in the plan"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := gatewayAPI.Lay(matched(5), rules(t, tc.user))
			if got := fmt.Sprint(err); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestWishOfWhoSeesTheCopies(t *testing.T) {
	const user = `[{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "shop", "weight": 3}, {"name": "legacy", "weight": 1}]},
		{"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Old", "value": "yes"}]}], "filters": [{"type": "RequestRedirect"}]}]`
	// Behind these two stand their copies.
	for name, tc := range map[string]struct {
		percent int64
		edit    func(laid []any) []any
		want    string
		way     Way
	}{
		"nothing is changed": {0, func(laid []any) []any { return laid }, user, WayUnchanged},
		"the copies are changed": {0, func(laid []any) []any {
			for _, rule := range laid[2:] {
				rule.(map[string]any)["timeouts"] = "5s"
			}
			return laid
		}, user, WayDifference},
		"the headers of a copy are changed": {0, func(laid []any) []any {
			laid[2].(map[string]any)["matches"] = rules(t, `[{"path": {"value": "/x"}}]`)
			return laid
		}, user, WayDifference},
		"the headers of a copy are changed beside a share": {20, func(laid []any) []any {
			laid[2].(map[string]any)["matches"] = rules(t, `[{"path": {"value": "/x"}}]`)
			return laid
		}, user, WayDifference},
		"the canary is taken out of a copy": {20, func(laid []any) []any {
			laid[2].(map[string]any)["backendRefs"] = rules(t, `[{"name": "legacy"}]`)
			return laid
		}, user, WayDifference},
		"the copies are put in front": {20, func(laid []any) []any { return append(laid[2:4:4], laid[:2]...) }, user, WayDifference},
		"the copies go":               {20, func(laid []any) []any { return laid[:2] }, user, WayDifference},
		"the copies alone go":         {0, func(laid []any) []any { return laid[:2] }, user, WayOwn},
		"a rule goes, its copy stays": {20, func(laid []any) []any { return laid[1:] },
			`[{"matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [{"name": "X-Old", "value": "yes"}]}], "filters": [{"type": "RequestRedirect"}]}]`, WayDifference},
		"a rule comes": {20, func(laid []any) []any { return append(laid, rules(t, `[{"backendRefs": [{"name": "legacy"}]}]`)...) },
			strings.TrimSuffix(user, "]") + `, {"backendRefs": [{"name": "legacy"}]}]`, WayDifference},
		"the user's own text": {20, func([]any) []any { return rules(t, `[{"backendRefs": [{"name": "shop"}]}]`) }, `[{"backendRefs": [{"name": "shop"}]}]`, WayOwn},
	} {
		t.Run(name, func(t *testing.T) {
			o := matched(tc.percent)
			laid, err := gatewayAPI.Lay(o, rules(t, user))
			if err != nil || len(laid) != 4 {
				t.Fatalf("%v: %s", err, text(t, laid))
			}
			sent := tc.edit(rules(t, text(t, laid)))
			got, way := gatewayAPI.Wish(Standing{o, rules(t, user), laid}, Author{}, sent)
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("the wish differs (-want +got):\n%s", diff)
			}
			if way != tc.way {
				t.Errorf("way is %s, want %s", way, tc.way)
			}
		})
	}
}

// TestWhatWasWrittenPastTheWebhookIsUnderstood wherever its copies stand.
func TestWhatWasWrittenPastTheWebhookIsUnderstood(t *testing.T) {
	user := rules(t, `[{"matches": [{"path": {"value": "/a"}}], "backendRefs": [{"name": "shop", "weight": 1}]}, {"matches": [{"path": {"value": "/b"}}], "backendRefs": [{"name": "shop", "weight": 1}]}]`)
	o := matched(50)
	laid, err := gatewayAPI.Lay(o, user)
	if err != nil {
		t.Fatal(err)
	}
	stored := slices.Concat(laid[2:], laid[:2])
	record := Record{Service: o.Service, Canary: o.Canary, Percent: o.Percent, Match: o.Match, Rules: user}
	s, err := gatewayAPI.StandingOn("ns", record, stored)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(user, s.User); diff != "" {
		t.Errorf("the user asks for (-want +got):\n%s", diff)
	}
	changed := rules(t, text(t, stored))
	changed[3].(map[string]any)["timeouts"] = "5s" // of /b
	user[1].(map[string]any)["timeouts"] = "5s"
	got, way := gatewayAPI.Wish(s, Author{}, changed)
	if diff := cmp.Diff(user, got); diff != "" || way != WayDifference {
		t.Errorf("%s (-want +got):\n%s", way, diff)
	}
}
