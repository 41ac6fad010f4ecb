package route

import (
	"fmt"
	"math/big"
	"slices"
)

// Overlay is the share of a canary in the requests of a route.
type Overlay struct {
	// Namespace is that of the route and of both Services.
	Namespace string
	// Service is the production Service, Canary that of the canary. The latter is made
	// for one run, under a name of its own.
	Service, Canary string
	// Parts are the parts of Service by name in which pods of the Deployment are: a backend that is any other
	// part has no share to give. Only some dialects know parts.
	Parts []string
	// Percent is the canary's share of the requests to Service, from 0 to 100. Mirror has it get copies of so
	// many instead, whose answers nobody sees.
	Percent int64
	Mirror  bool
	// Match are headers: the requests to Service that have all of them go to the canary, whatever Percent is of
	// the others. None match where it has none.
	Match []Header
}

// IsNothing says whether the canary gets no requests by it.
func (o Overlay) IsNothing() bool { return o.Percent <= 0 && len(o.Match) == 0 }

// Lay lays the overlay over the rules of a user. In a rule that sends requests to the
// production Service each backend that is that Service keeps its place and all it
// says but its weight, and has a copy at the end of the list that sends the share to the
// canary: where a backend stands in its list stays true.
//
// The proportions between the user's own backends stay as they are. Weights are whole
// numbers, so all of a rule are multiplied by what it takes, as far as the largest
// weight allows; beyond it they are rounded, and nobody who had a share is left
// without one. A backend of weight 0 has no share to give.
//
// Behind all of them stand the rules for the requests that match, or, where the order of rules decides,
// before each.
//
// It fails, with the place in the rules, where there is no room for a backend or a rule more, and where there
// are too many.
func (d Dialect) Lay(o Overlay, rules []any) ([]any, error) {
	if o.IsNothing() || rules == nil {
		return rules, nil
	}
	if d.TooMany(rules) {
		return nil, fmt.Errorf("spec.%s: has more than %d rules, or one with more than %d backends, and is not looked at; make two of it", d.Rules, d.mostRules, most)
	}
	copies, err := d.copies(o, rules)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(rules))
	for i, rule := range rules {
		laid, err := d.layRule(o, rule)
		if err != nil {
			return nil, fmt.Errorf("spec.%s[%d].%w", d.Rules, i, err)
		}
		out[i] = laid
	}
	return d.interleave(out, copies), nil
}

// Reaches says whether any rule sends requests to the production Service.
func (d Dialect) Reaches(o Overlay, rules []any) bool {
	for _, rule := range rules {
		if len(d.shared(o, d.backendsOf(rule))) > 0 {
			return true
		}
	}
	return false
}

// Parts are the parts of a Service that rules send requests to by name, sorted.
func (d Dialect) Parts(namespace, service string, rules []any) []string {
	var out []string
	for _, rule := range rules {
		for _, backend := range d.backendsOf(rule) {
			ref, _ := backend.(map[string]any)
			if name, part := d.serviceOf(ref, namespace); name == service && part != "" {
				out = append(out, part)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Names says whether any rule names a Service, be it a part of it, or with a weight of 0.
func (d Dialect) Names(namespace, service string, rules []any) bool {
	return slices.ContainsFunc(rules, func(rule any) bool {
		return slices.ContainsFunc(d.backendsOf(rule), func(backend any) bool { return d.isService(backend, namespace, service) })
	})
}

// shared are the places of the backends that give the canary a share.
func (d Dialect) shared(o Overlay, backends []any) []int {
	var at []int
	for i, backend := range backends {
		if d.isProduction(o, backend) && d.weightOf(backend, len(backends)) > 0 {
			at = append(at, i)
		}
	}
	return at
}

func (d Dialect) layRule(o Overlay, rule any) (any, error) {
	if o.Percent <= 0 {
		return rule, nil
	}
	if o.Mirror {
		return d.mirror(o, rule)
	}
	backends := d.backendsOf(rule)
	at := d.shared(o, backends)
	if len(at) == 0 {
		return rule, nil
	}
	if n := len(backends) + len(at); n > d.mostBackends {
		return nil, fmt.Errorf("%s: has %d backends and may have %d, so there is no room for the canary", d.backends, len(backends), d.mostBackends)
	}
	percent := min(o.Percent, 100)
	weights := make([]int64, len(backends))
	for i, backend := range backends {
		weights[i] = d.weightOf(backend, len(backends))
	}
	scale := d.scale(weights, at, percent)
	out := make([]any, 0, len(backends)+len(at))
	for i, backend := range backends {
		out = append(out, d.withWeight(backend, weights[i]*scale))
	}
	for _, i := range at {
		whole := weights[i] * scale
		share := portion(whole, percent)
		out[i] = d.withWeight(backends[i], whole-share)
		out = append(out, d.renamed(backends[i], o.Canary, share))
	}
	return d.withBackends(rule, out), nil
}

// portion is a percentage of a weight, rounded to a whole number, but not to nothing and
// not to all where both are to have something and there are two to share.
func portion(whole, percent int64) int64 {
	share := (whole*percent + 50) / 100
	if percent < 100 && whole > 1 {
		share = min(max(share, 1), whole-1)
	}
	return share
}

// scale is the smallest factor with which every share is a whole number, or the largest
// that weights have room for.
func (d Dialect) scale(weights []int64, at []int, percent int64) int64 {
	scale := int64(1)
	for _, i := range at {
		// whole*percent*scale must be divisible by 100.
		need := 100 / gcd(100, weights[i]*percent)
		scale = scale / gcd(scale, need) * need
	}
	largest, together := int64(1), int64(0)
	for _, weight := range weights {
		largest, together = max(largest, weight), together+weight
	}
	return max(1, min(scale, d.mostWeight/largest, d.mostTogether/max(together, 1)))
}

func gcd(a, b int64) int64 {
	return new(big.Int).GCD(nil, nil, big.NewInt(a), big.NewInt(b)).Int64()
}
