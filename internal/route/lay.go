package route

import (
	"fmt"
	"math/big"
)

// Overlay is the share of a canary in the requests of a route.
type Overlay struct {
	// Namespace is that of the route and of both Services.
	Namespace string
	// Service is the production Service, Canary that of the canary. The latter is made
	// for one run, under a name of its own.
	Service, Canary string
	// Percent is the canary's share of the requests to Service, from 0 to 100.
	Percent int64
}

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
// It fails, with the place in the rules, where a rule has no room for a backend more.
func (d Dialect) Lay(o Overlay, rules []any) ([]any, error) {
	if o.Percent <= 0 || rules == nil {
		return rules, nil
	}
	out := make([]any, len(rules))
	for i, rule := range rules {
		laid, err := d.layRule(o, rule)
		if err != nil {
			return nil, fmt.Errorf("spec.%s[%d].%s: %w", d.Rules, i, d.backends, err)
		}
		out[i] = laid
	}
	return out, nil
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

// shared are the places of the backends that give the canary a share.
func (d Dialect) shared(o Overlay, backends []any) []int {
	var at []int
	for i, backend := range backends {
		if d.isService(backend, o.Namespace, o.Service) && d.weightOf(backend) > 0 {
			at = append(at, i)
		}
	}
	return at
}

func (d Dialect) layRule(o Overlay, rule any) (any, error) {
	backends := d.backendsOf(rule)
	at := d.shared(o, backends)
	if len(at) == 0 {
		return rule, nil
	}
	if n := len(backends) + len(at); n > d.mostBackends {
		return nil, fmt.Errorf("has %d backends and may have %d, so there is no room for the canary", len(backends), d.mostBackends)
	}
	percent := min(o.Percent, 100)
	scale := d.scale(backends, at, percent)
	out := make([]any, 0, len(backends)+len(at))
	for _, backend := range backends {
		out = append(out, d.withWeight(backend, d.weightOf(backend)*scale))
	}
	for _, i := range at {
		whole := d.weightOf(backends[i]) * scale
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
func (d Dialect) scale(backends []any, at []int, percent int64) int64 {
	scale := int64(1)
	for _, i := range at {
		// whole*percent*scale must be divisible by 100.
		need := 100 / gcd(100, d.weightOf(backends[i])*percent)
		scale = scale / gcd(scale, need) * need
	}
	largest := int64(1)
	for _, backend := range backends {
		largest = max(largest, d.weightOf(backend))
	}
	return max(1, min(scale, d.mostWeight/largest))
}

func gcd(a, b int64) int64 {
	return new(big.Int).GCD(nil, nil, big.NewInt(a), big.NewInt(b)).Int64()
}
