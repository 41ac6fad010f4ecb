package route

import (
	"math/rand"
	"slices"
	"strings"
)

// call is a request, or a call of gRPC.
type call struct {
	path, method, service, rpc string
	headers, query             map[string]string
}

// has says whether a call has the headers.
func (c call) has(headers []Header) bool {
	return !slices.ContainsFunc(headers, func(h Header) bool { return c.headers[strings.ToLower(h.Name)] != h.Value })
}

var (
	somePaths   = []string{"/", "/a", "/a/", "/a/b", "/b"}
	someHeaders = []string{"x-one", "x-two", "x-canary"}
	someValues  = []string{"1", "2"}
)

func pick(r *rand.Rand, of []string) string { return of[r.Intn(len(of))] }

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

// setMatches gives a rule some matches, or none, in place of those that it has.
func (s scene) setMatches(rule map[string]any, field string, anyMatch func() any) {
	delete(rule, "matches")
	var all []any
	for range s.Intn(3) {
		all = append(all, anyMatch())
	}
	if all != nil {
		rule[field] = all
	}
}

// gateway is who goes by the rules of a dialect.
type gateway struct {
	// any is rules that a user may write, and what is to be laid over them but for the headers.
	any func(r *rand.Rand) scene
	// goes is where the rules send a call: the shares of the Services, nil where no rule fits.
	goes func(c call, d Dialect, rules []any) map[string]float64
	// canary is where what goes to the Deployment goes instead.
	canary map[string]string
	// edits are changes of all rules.
	edits map[string]func(rules []any) []any
}

var gateways = map[string]gateway{
	"GatewayAPI": {
		any: anyGatewayAPI, goes: call.goes,
		canary: map[string]string{"<nil>/shop": "<nil>/shop-canary", "ns/shop": "ns/shop-canary"},
		edits: map[string]func(rules []any) []any{
			"a field of each rule": setAll("timeouts", map[string]any{"request": "5s"}),
			"a rule more in front": inFront(map[string]any{"name": "new", "backendRefs": []any{map[string]any{"name": "other"}}}),
			"the first rule goes":  func(rules []any) []any { return rules[1:] },
		},
	},
	"VirtualService": {
		any: anyVirtualService, goes: call.goesByIstio,
		canary: map[string]string{"shop/": "shop-canary/", "shop/ours": "shop-canary/"},
		edits: map[string]func(rules []any) []any{
			"a field of each rule": setAll("timeout", "5s"),
			"a rule more in front": inFront(map[string]any{"name": "new", "route": []any{map[string]any{"destination": map[string]any{"host": "other"}}}}),
		},
	},
}

func setAll(field string, value any) func([]any) []any {
	return func(rules []any) []any {
		for _, rule := range rules {
			rule.(map[string]any)[field] = value
		}
		return rules
	}
}

func inFront(rule map[string]any) func([]any) []any {
	return func(rules []any) []any { return append([]any{rule}, rules...) }
}

// toTheCanary has the part of the Deployment go to its canary; where no rule fits, none does.
func (g gateway) toTheCanary(shares map[string]float64) map[string]float64 {
	if shares == nil {
		return nil
	}
	out := map[string]float64{}
	for to, share := range shares {
		if canary, is := g.canary[to]; is {
			to = canary
		}
		out[to] += share
	}
	return out
}
