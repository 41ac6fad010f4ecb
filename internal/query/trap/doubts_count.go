package trap

import (
	"fmt"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// countDoubts are those about the counters of a comparison, one for each field at most.
func countDoubts(c v1alpha1.Counted, watched bool) []doubt {
	total, ok := counterSelector(c.Total)
	if !ok {
		return nil
	}
	const field = "compare.count."
	if told := counterDoubts(field+"total", total); len(told) > 0 {
		return told
	}
	if o := outcomeOf(total); o.by != nil && len(o.fine) > 0 && len(o.failed) == 0 {
		return []doubt{doubtf(doubtStatus, field+"total", "%s takes no request that failed, such as one with 503, so none is counted; leave it out", plaintext.Cut(o.by.String(), 100))}
	}
	if good, ok := counterSelector(c.Good); ok {
		return partDoubts(field+"good", good, total, func() []doubt { return goodDoubts(field+"good", good, total) })
	}
	if bad, ok := counterSelector(c.Bad); ok {
		return partDoubts(field+"bad", bad, total, func() []doubt { return badDoubts(field+"bad", bad, total, watched) })
	}
	return nil
}

// partDoubts are those about a part of what total counts, good or bad.
func partDoubts(field string, part, total *parser.VectorSelector, others func() []doubt) []doubt {
	if told := counterDoubts(field, part); len(told) > 0 {
		return told
	}
	switch of, in := countOf(part), countOf(total); {
	case sameAs(of, in):
		return []doubt{doubtf(doubtEvery, field, "counts all that total counts, so no canary is worse, however bad it is; select by a label what it is to count")}
	case partOf(in, of), bucketOf(in, of), partByName(in, of):
		return []doubt{doubtf(doubtWrongEnd, field, "counts more than total, which is a part of it; write each in the other's place")}
	case noAverage(part, total) != "":
		return []doubt{doubtf(trapBuckets, field, "of a sum and a bucket one is no part of the other; count a bucket of all, …_bucket of …_count")}
	}
	return others()
}

func goodDoubts(field string, good, total *parser.VectorSelector) []doubt {
	if toneOf(good) == unwanted {
		return []doubt{doubtf(doubtWrongEnd, field, "selects what failed, so the canaries that are better are taken for worse; write it as bad")}
	}
	if !partOf(good, total) {
		return nil
	}
	if says := outcomeOf(good).notGood(true); says != "" {
		return []doubt{{doubtStatus, field, says}}
	}
	if m := more(good, total); !slices.ContainsFunc(m, tells) {
		return []doubt{excluded(field, m[0])}
	}
	return nil
}

func badDoubts(field string, bad, total *parser.VectorSelector, watched bool) []doubt {
	switch says := outcomeOf(bad).notBad(); {
	case bucketOf(bad, countOf(total)) && toneOf(bad) != unwanted:
		return []doubt{{doubtWrongEnd, field, "a bucket counts what was no slower than its bound, so the canaries that are faster are taken for worse; write it as good"}}
	case toneOf(bad) == wanted:
		return []doubt{doubtf(doubtWrongEnd, field, "selects what succeeded, so the canaries that are better are taken for worse; write it as good")}
	case says != "" && !watched:
		return []doubt{{doubtStatus, field, says}}
	}
	return nil
}

// counterDoubts are those about one counter by itself.
func counterDoubts(field string, s *parser.VectorSelector) []doubt {
	switch says := misreadIn(s); {
	case says != "":
		return []doubt{{doubtStatus, field, says}}
	case severalBounds(s):
		return []doubt{{trapBuckets, field, severalBuckets(s)}}
	case strings.HasSuffix(s.Name, "_sum") && named(s.Name, "_sum").unit != 0:
		return []doubt{doubtf(trapBuckets, field, "%s is how long all requests took together, and no count of them; count %s_count, or compare a mean by a query",
			plaintext.Cut(s.Name, 60), plaintext.Cut(strings.TrimSuffix(s.Name, "_sum"), 60))}
	}
	return nil
}

// tells says whether a matcher names what it selects, and not what it excludes: series
// without the label are not among it.
func tells(m *labels.Matcher) bool { return !m.Matches("") }

// excluded is the doubt about good ones of which a matcher says what they are not.
func excluded(field string, m *labels.Matcher) doubt {
	remedy := "write what is good"
	if query.StatusLike(m.Name) {
		remedy += fmt.Sprintf(", as in %s=~%q", m.Name, "[1-4]..")
	}
	return doubt{doubtNoLabel, field, fmt.Sprintf(
		"%s selects series without a label %s too, so that all requests count as good where that is not its name, or what is bad is written otherwise; %s",
		plaintext.Cut(m.String(), 100), m.Name, remedy)}
}

func counterSelector(text string) (*parser.VectorSelector, bool) {
	t, err := query.ParseCounter(text)
	if err != nil {
		return nil, false // none, or refused
	}
	return t.Spans(query.SampleValues())[0].Selector, true
}
