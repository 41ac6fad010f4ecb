package trap

import (
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// roundingDoubts hold a range against the values before they were rounded, cut or compared:
// half of all failures may be rounded to none.
func roundingDoubts(r v1alpha1.Range, expr parser.Expr) []doubt {
	ends := endsOf(r)
	of, before := unwrap(expr, ends)
	if before.by == "" {
		return nil
	}
	values := possibleOf(of)
	all, remedy := values.all(), "leave it out"
	if before.compared {
		remedy = "compare with another number"
	}
	lax := func(format string, args ...any) []doubt {
		return []doubt{doubtf(doubtLax, "query", "behind %s the range is kept by "+format+"; %s", slices.Concat([]any{before.by}, args, []any{remedy})...)}
	}
	const half = 0.5
	switch {
	case coarse(expr, before.high, r.Max) && values.tone == unwanted && (values.unit == seconds || values.unit == milliseconds):
		return lax("a value up to %g", before.high)
	case all == 0:
		return nil
	case before.low < 0 && before.high > all:
		return []doubt{doubtf(doubtEvery, "query", "%s leaves no value that is out of range, whatever is measured; %s", before.by, remedy)}
	case values.tone == unwanted && before.high >= half*all:
		return lax("a canary of whose requests up to %s fail", percentOf(min(before.high/all, 1)))
	case values.tone == wanted && before.low <= half*all:
		return lax("a canary of whose requests hardly more than %s succeed", percentOf(max(before.low/all, 0)))
	case values.tone == unknownTone && before.low <= 0 && before.high >= all:
		return lax("a canary whatever the share is")
	}
	return nil
}

// coarseDoubts: what is compared, with others or with earlier values, differs in nothing
// where half of all shares are rounded to one value.
func coarseDoubts(expr parser.Expr) []doubt {
	values := possibleOf(expr)
	for _, end := range []float64{values.low, values.high} {
		of, before := unwrap(expr, within{low: end, high: end})
		if math.IsInf(end, 0) || before.by == "" || before.compared {
			continue
		}
		if all := possibleOf(of).all(); all > 0 && min(before.high, all)-max(before.low, 0) >= all/2 {
			return []doubt{doubtf(doubtLax, "query", "%s makes one value of half of all shares or more, so what differs by as much is the same; leave it out", before.by)}
		}
	}
	return nil
}

// coarse says whether an outermost function makes the upper end twice as great.
func coarse(expr parser.Expr, high float64, end *float64) bool {
	_, outermost := query.Bare(expr).(*parser.Call)
	return outermost && end != nil && *end > 0 && high >= 2**end && !math.IsInf(high, 0)
}

func endsOf(r v1alpha1.Range) within {
	ends := within{low: math.Inf(-1), high: math.Inf(1)}
	if r.Min != nil {
		ends.low = *r.Min
	}
	if r.Max != nil {
		ends.high = *r.Max
	}
	return ends
}
