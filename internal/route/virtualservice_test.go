package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayOverVirtualServices(t *testing.T) {
	for name, tc := range map[string]struct {
		percent    int64
		user, want string
	}{
		"a destination that is alone has all, and says nothing": {5,
			`[{"route": [{"destination": {"host": "shop"}}]}]`,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 95}, {"destination": {"host": "shop-canary"}, "weight": 5}]}]`},
		"or says 0": {20,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 0}]}]`,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 80}, {"destination": {"host": "shop-canary"}, "weight": 20}]}]`},
		"among others one that says nothing has nothing": {50,
			`[{"route": [{"destination": {"host": "shop"}}, {"destination": {"host": "other"}, "weight": 1}]}]`,
			`[{"route": [{"destination": {"host": "shop"}}, {"destination": {"host": "other"}, "weight": 1}]}]`},
		"proportions stay": {5,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 90}, {"destination": {"host": "old"}, "weight": 10}]}]`,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 171}, {"destination": {"host": "old"}, "weight": 20}, {"destination": {"host": "shop-canary"}, "weight": 9}]}]`},
		"port, headers and domain are the canary's too": {25,
			`[{"route": [{"destination": {"host": "shop.ns.svc.example.org", "port": {"number": 8080}}, "headers": {"response": {"remove": ["x"]}}, "weight": 100}]}]`,
			`[{"route": [{"destination": {"host": "shop.ns.svc.example.org", "port": {"number": 8080}}, "headers": {"response": {"remove": ["x"]}}, "weight": 75},
				{"destination": {"host": "shop-canary.ns.svc.example.org", "port": {"number": 8080}}, "headers": {"response": {"remove": ["x"]}}, "weight": 25}]}]`},
		"hosts that are no Service of the namespace": {50,
			`[{"route": [{"destination": {"host": "shop.ns"}}]}, {"route": [{"destination": {"host": "shop.ns.svc"}}]}, {"route": [{"destination": {"host": "shop.else.svc.cluster.local"}}]},
				{"route": [{"destination": {"host": "shop.ns.svc.clusterset.local"}}]}, {"route": [{"destination": {"host": "shop.example.org"}}]}, {"route": [{"destination": {}}]}]`,
			`[{"route": [{"destination": {"host": "shop.ns"}}]}, {"route": [{"destination": {"host": "shop.ns.svc"}}]}, {"route": [{"destination": {"host": "shop.else.svc.cluster.local"}}]},
				{"route": [{"destination": {"host": "shop.ns.svc.clusterset.local"}}]}, {"route": [{"destination": {"host": "shop.example.org"}}]}, {"route": [{"destination": {}}]}]`},
		"a subset without pods of the Deployment has nothing to give, and a canary is of no subset": {10,
			`[{"route": [{"destination": {"host": "shop", "subset": "v1"}, "weight": 50}, {"destination": {"host": "shop", "subset": "ours"}, "weight": 50}]}]`,
			`[{"route": [{"destination": {"host": "shop", "subset": "v1"}, "weight": 50}, {"destination": {"host": "shop", "subset": "ours"}, "weight": 45}, {"destination": {"host": "shop-canary"}, "weight": 5}]}]`},
		"rules without destinations, and copies": {50,
			`[{"redirect": {"uri": "/a"}}, {"delegate": {"name": "b"}}, {"directResponse": {"status": 503}, "fault": {"abort": {"httpStatus": 500}}},
				{"mirror": {"host": "shop"}, "mirrors": [{"destination": {"host": "shop"}}], "route": [{"destination": {"host": "other"}}]}]`,
			`[{"redirect": {"uri": "/a"}}, {"delegate": {"name": "b"}}, {"directResponse": {"status": 503}, "fault": {"abort": {"httpStatus": 500}}},
				{"mirror": {"host": "shop"}, "mirrors": [{"destination": {"host": "shop"}}], "route": [{"destination": {"host": "other"}}]}]`},
		"weights of more than 32 bits together are not made": {1,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 1000000001}, {"destination": {"host": "old"}, "weight": 1000000000}]}]`,
			`[{"route": [{"destination": {"host": "shop"}, "weight": 990000001}, {"destination": {"host": "old"}, "weight": 1000000000}, {"destination": {"host": "shop-canary"}, "weight": 10000000}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			o := overlay(tc.percent)
			o.Parts = []string{"ours"}
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

// TestMoreRulesThanAreLookedAtCarryNoShare, and are their user's whatever stands on them.
func TestMoreRulesThanAreLookedAtCarryNoShare(t *testing.T) {
	many := rules(t, "["+strings.Repeat(`{"route": [{"destination": {"host": "shop"}}, {"destination": {"host": "shop-canary"}}]},`, virtualService.mostRules)+`{}]`)
	if _, err := virtualService.Lay(overlay(5), many); err == nil || !strings.HasPrefix(err.Error(), "spec.http: has more than 256 rules") {
		t.Errorf("err is %v", err)
	}
	if wish, way := virtualService.Wish(Standing{Overlay: overlay(5)}, Author{}, many); way != WayOwn || len(wish) != len(many) {
		t.Errorf("the wish has %d rules (%s)", len(wish), way)
	}
}

func TestPartsThatAreNamed(t *testing.T) {
	user := rules(t, `[{"route": [{"destination": {"host": "shop", "subset": "v2"}}, {"destination": {"host": "shop.ns.svc.cluster.local", "subset": "v1"}}]},
		{"route": [{"destination": {"host": "shop", "subset": "v2"}}, {"destination": {"host": "other", "subset": "v3"}}, {"destination": {"host": "shop"}}]}, {}]`)
	if diff := cmp.Diff([]string{"v1", "v2"}, virtualService.Parts("ns", "shop", user)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := gatewayAPI.Parts("ns", "shop", rules(t, `[{"backendRefs": [{"name": "shop", "subset": "v1"}]}]`)); got != nil {
		t.Errorf("of a route of the Gateway API: %v", got)
	}
}

func TestWishOfAVirtualService(t *testing.T) {
	const user = `[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}}]}]`
	const laid = `[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 80}, {"destination": {"host": "shop-canary"}, "weight": 20}]}]`
	for name, tc := range map[string]struct {
		sent, want string
	}{
		"the same again":       {user, user},
		"a field that is new":  {strings.Replace(laid, `"name"`, `"timeout": "5s", "name"`, 1), strings.Replace(user, `"name"`, `"timeout": "5s", "name"`, 1)},
		"without the canary":   {`[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 80}]}]`, `[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 80}]}]`},
		"one more, seen":       {strings.Replace(laid, `"weight": 80},`, `"weight": 80}, {"destination": {"host": "old"}, "weight": 100},`, 1), `[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 100}, {"destination": {"host": "old"}, "weight": 100}]}]`},
		"the largest together": {strings.Replace(laid, `"weight": 80`, `"weight": 2147483647`, 1), `[{"name": "a", "route": [{"destination": {"host": "shop", "subset": "ours"}, "weight": 2147483647}]}]`},
	} {
		t.Run(name, func(t *testing.T) {
			o := overlay(20)
			o.Parts = []string{"ours"}
			got, _ := virtualService.Wish(Standing{o, rules(t, user), rules(t, laid)}, Author{}, rules(t, tc.sent))
			if diff := cmp.Diff(rules(t, tc.want), got); diff != "" {
				t.Errorf("the wish differs (-want +got):\n%s", diff)
			}
		})
	}
}
