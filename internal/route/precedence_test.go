package route

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
)

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

// anyGatewayAPI is rules of an HTTPRoute or a GRPCRoute, and what is to be laid over them.
func anyGatewayAPI(r *rand.Rand) scene {
	s := scene{Dialect: gatewayAPI, Rand: r, backend: dialects["GatewayAPI"].backend, o: overlay(int64(r.Intn(101)))}
	grpc := r.Intn(4) == 0
	if grpc {
		s.Dialect = grpcAPI
	}
	if r.Intn(3) == 0 {
		s.o.Percent = 0
	}
	s.user = s.anyRules()
	for _, rule := range s.user {
		fields := rule.(map[string]any)
		s.setMatches(fields, "matches", func() any { return anyMatch(r, grpc) })
		if r.Intn(5) == 0 {
			delete(fields, "backendRefs")
			fields["filters"] = []any{map[string]any{"type": "RequestRedirect", "to": fmt.Sprint(r.Intn(9))}}
		}
	}
	return s
}
