package trap

import (
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"holdfast.dev/holdfast/internal/query"
)

// otherDenominator: a share of what other pods did is small, however bad the canary is, and
// so it is of what the canary did where others did it well.
func otherDenominator(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if b.Op != parser.DIV {
			return
		}
		if l.ofAllPods(b) {
			out = append(out, caught{b.RHS, "what is divided is the canary's, and what it is divided by is that of all pods: however bad the canary is, its part of all is small; put {{canary}} into the selectors on both sides"})
			return
		}
		above, below := addends(b.LHS), addends(b.RHS)
		left, right := l.podsOf(above), l.podsOf(below)
		if slices.Equal(left, right) {
			if len(left) > 1 && slices.Contains(left, ofCanary) && l.shareOfBoth(above[0], below[0]) {
				out = append(out, caught{b.RHS, fmt.Sprintf("this is a share of %s together: however bad the canary is, its part of all is small; put {{canary}} alone into the selectors on both sides", joinedPods(left))})
			}
			return
		}
		for part, whole := range pairs(above, below) {
			if l.shareOfOthers(part, whole) {
				out = append(out, caught{b.RHS, fmt.Sprintf("what is divided is of %s, and what it is divided by of %s, so it is no share of the canary's; put {{canary}} into the selectors on both sides", joinedPods(left), joinedPods(right))})
				return
			}
		}
	})
	return out
}

// ofAllPods: something of the canary by the same of all pods, or by another rate.
func (l looked) ofAllPods(b *parser.BinaryExpr) bool {
	above, below := selectorsIn(b.LHS), selectorsIn(b.RHS)
	ofPods := func(s *parser.VectorSelector) bool { return l.pods(s) != allPods }
	if !slices.ContainsFunc(above, l.ofCanary) || slices.ContainsFunc(below, ofPods) {
		return false
	}
	alike := func(s *parser.VectorSelector) bool {
		return slices.ContainsFunc(above, func(a *parser.VectorSelector) bool { return l.ofCanary(a) && a.Name == s.Name })
	}
	return slices.ContainsFunc(below, alike) || rates(b.LHS) && rates(b.RHS)
}

const (
	ofCanary = "the canary"
	allPods  = "all pods"
)

// pods are those that a selector is of, for people.
func (l looked) pods(s *parser.VectorSelector) string {
	switch {
	case l.ofCanary(s):
		return ofCanary
	case l.ofPods(s, l.values.Stable):
		return "the stable pods"
	case l.ofPods(s, l.values.Baseline):
		return "the baseline"
	}
	return allPods
}

// podsOf are those of all that is counted, in order, each once.
func (l looked) podsOf(counts []addend) []string {
	var out []string
	for _, c := range counts {
		if c.selector != nil && !slices.Contains(out, l.pods(c.selector)) {
			out = append(out, l.pods(c.selector))
		}
	}
	slices.Sort(out)
	return out
}

func joinedPods(pods []string) string {
	if len(pods) == 1 {
		return pods[0]
	}
	return query.Joined(pods)
}

// shareOfOthers says whether a count is of other pods than another, and would be a share
// of it if it were not. The same of two sides is how many times as much it is.
func (l looked) shareOfOthers(part, whole addend) bool {
	if part.selector == nil || whole.selector == nil || l.pods(part.selector) == l.pods(whole.selector) {
		return false
	}
	return l.shareOfBoth(part, whole)
}

// shareOfBoth says whether a count would be a share of another if both were of the same pods.
func (l looked) shareOfBoth(part, whole addend) bool {
	if part.selector == nil || whole.selector == nil {
		return false
	}
	p, ok := shape(l.ofAny(part.selector), l.ofAny(whole.selector))
	return ok && (p.unit != 0 || p.tone != unknownTone)
}

// ofAny is a selector without what selects its pods.
func (l looked) ofAny(s *parser.VectorSelector) *parser.VectorSelector {
	out := *s
	out.LabelMatchers = slices.DeleteFunc(slices.Clone(s.LabelMatchers), func(m *labels.Matcher) bool {
		return m.Name == "namespace" || m.Name == query.DefaultPodLabel
	})
	return &out
}
