package trap

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// statusDoubts: a matcher of a status that does not choose what it is judged as. There is
// one at most, the first.
func statusDoubts(r v1alpha1.Range, expr parser.Expr, watched bool) []doubt {
	if says := misreadIn(expr); says != "" {
		return []doubt{{doubtStatus, "query", says}}
	}
	says := ""
	parts(r, expr, func(part, whole *parser.VectorSelector, good, bad *float64, alone bool) {
		if says == "" {
			says = cmp.Or(wrongPart(part, good, bad, alone, watched), withoutFailures(part, whole, good))
		}
	})
	query.Each(expr, func(s *parser.VectorSelector, path []parser.Node) {
		good, bad := r.Min, r.Max
		if falls(s, path) {
			good, bad = bad, good
		}
		if says == "" && recordedRatio.MatchString(s.Name) {
			says = wrongPart(s, good, bad, true, watched)
		}
	})
	if c := counted(expr); c.selector != nil && c.factor > 0 && r.Max != nil { // no share, but how many
		says = cmp.Or(says, wrongPart(c.selector, nil, r.Max, true, watched))
	}
	if says = cmp.Or(says, failuresLeftOut(r, expr)); says == "" {
		return nil
	}
	return []doubt{{doubtStatus, "query", says}}
}

// wrongPart says what is wrong with a part that is wanted great, or small.
func wrongPart(part *parser.VectorSelector, good, bad *float64, alone, watched bool) string {
	switch o := outcomeOf(part); {
	case o.by == nil:
	case good != nil:
		return o.notGood(alone)
	case bad != nil && !watched:
		return o.notBad()
	}
	return ""
}

// failuresLeftOut says that good ones are divided by a sum without failures in it.
func failuresLeftOut(r v1alpha1.Range, expr parser.Expr) string {
	out := ""
	query.Each(expr, func(b *parser.BinaryExpr, path []parser.Node) {
		good := r.Min
		if falls(b, path) {
			good = r.Max
		}
		if b.Op != parser.DIV || good == nil {
			return
		}
		above, below := addends(b.LHS), addends(b.RHS)
		if len(below) < 2 || above[0].selector == nil || toneOf(above[0].selector) != wanted {
			return
		}
		for _, whole := range below {
			if whole.selector == nil || whole.selector.Name != above[0].selector.Name {
				return
			}
			if o := outcomeOf(whole.selector); o.by == nil || len(o.failed) > 0 {
				return
			}
		}
		out = "the good ones are a share of a sum that has no failures in it, so failures do not make it less; divide by all, without a matcher of the status"
	})
	return out
}

// misreadIn says which class some selector takes for a text, or which matcher is of no status,
// "" if none does.
func misreadIn(expr parser.Expr) string {
	out := ""
	query.Each(expr, func(s *parser.VectorSelector, _ []parser.Node) {
		for _, m := range s.LabelMatchers {
			if class := misread(s, m); class != "" && out == "" {
				pattern := map[labels.MatchType]labels.MatchType{labels.MatchEqual: labels.MatchRegexp, labels.MatchNotEqual: labels.MatchNotRegexp}[m.Type]
				if m.Type == labels.MatchRegexp || m.Type == labels.MatchNotRegexp {
					pattern = m.Type
				}
				out = fmt.Sprintf("%s is of the very text %q, which no status such as %s03 is; write %s%s%q, which takes both",
					plaintext.Cut(m.String(), 100), plaintext.Cut(class, 40), class[:1], m.Name, pattern, asPatterns(m.Value))
			}
			if out == "" && takesNoStatus(s, m) {
				out = fmt.Sprintf("%s is of no status that there is: a matcher takes the whole value, such as %q; write %s=~%q",
					plaintext.Cut(m.String(), 100), "503", m.Name, "5..")
			}
		}
	})
	return out
}

// asPatterns writes classes as patterns of whole statuses.
func asPatterns(value string) string {
	classes := strings.Split(value, "|")
	for i, class := range classes {
		if patternOfClass.MatchString(class) {
			classes[i] = class[:1] + ".."
		}
	}
	return plaintext.Cut(strings.Join(classes, "|"), 60)
}

// notGood says that what is taken for good failed in part, or in whole where it is added to
// others. Of a matcher that takes every value a trap tells.
func (o outcome) notGood(alone bool) string {
	if len(o.fine) == 0 && alone || len(o.failed) == 0 || takesEvery(o.by) {
		return ""
	}
	return fmt.Sprintf("%s takes requests that failed, such as those with %s, for good ones; write what is good, as in %s=~%q",
		plaintext.Cut(o.by.String(), 100), o.failed[0], o.by.Name, "[1-4]..")
}

// usualFailure is the status of what fails in an application itself; others are of what
// stands before it.
const usualFailure = "500"

// notBad says that what is taken for bad has no failures of a server in it, or none of an
// application.
func (o outcome) notBad() string {
	such := usualFailure
	switch {
	case len(o.fine) > 0 || slices.Contains(o.failed, usualFailure) || len(o.failed)+len(o.refused) == 0:
		return ""
	case len(o.failed) == 0:
		such = "503"
	}
	return fmt.Sprintf("%s takes no request for a bad one that failed by the server's fault, such as one with %s, and no other metric does; write %s=~%q, or give the plan one that does",
		plaintext.Cut(o.by.String(), 100), such, o.by.Name, "5..")
}

// watches says whether a selector is of failures, or of successes, and among those of an
// application's.
func watches(s *parser.VectorSelector) bool {
	o := outcomeOf(s)
	return toneOf(s) != unknownTone && (len(o.failed) == 0 || slices.Contains(o.failed, usualFailure))
}

// withoutFailures says that good ones are divided by what has no failures in it.
func withoutFailures(part, whole *parser.VectorSelector, good *float64) string {
	o := outcomeOf(whole)
	if good == nil || !slices.ContainsFunc(more(part, whole), ofStatuses) || o.by == nil || len(o.fine) == 0 || len(o.failed) > 0 || toneOf(part) != wanted {
		return ""
	}
	return fmt.Sprintf("the good ones are a share of what has no failures in it, by %s, so failures do not make it less; leave that out of what is divided by",
		plaintext.Cut(o.by.String(), 100))
}

// watchesFailures says whether a metric is of failures, or of successes, whatever else
// others are of.
func watchesFailures(m v1alpha1.Metric) bool {
	if e, mistake := query.ParseExpectation(m.Expect); mistake == nil {
		return e.Success()
	}
	if m.List != nil && query.StatusLike(m.List.Label) {
		return len(patternDoubts(*m.List, false)) == 0
	}
	var texts []string
	if m.Compare != nil && m.Compare.Count != nil {
		texts = []string{m.Compare.Count.Bad, m.Compare.Count.Good}
	}
	for _, text := range texts {
		if s, ok := counterSelector(text); ok && watches(s) {
			return true
		}
	}
	expr, ok := sampleOf(m)
	return ok && len(texts) == 0 && hasTone(expr)
}

// hasTone says whether an expression is of failures, or of successes.
func hasTone(expr parser.Expr) bool {
	found := false
	query.Each(expr, func(s *parser.VectorSelector, path []parser.Node) {
		found = found || watches(s) && !onlyAside(path)
	})
	return found
}
