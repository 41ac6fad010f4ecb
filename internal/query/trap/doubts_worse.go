package trap

import (
	"cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// comparisonDoubts are those about how much worse a canary may be, of counts.
func comparisonDoubts(c v1alpha1.Comparison) []doubt {
	var out []doubt
	if slack, err := query.ParseSlack(c.Slack, true); err == nil && slack >= lax {
		out = append(out, doubtf(doubtLax, "compare.slack", "%s lets so many of all go wrong that did not before; it is a share of all, such as 0.1%%", c.Slack))
	}
	enough := int64(usualMinimum)
	if c.Minimum.Total != nil {
		enough = max(enough, *c.Minimum.Total)
	}
	if c.Burst != nil && int64(*c.Burst) >= enough {
		out = append(out, doubtf(doubtLax, "compare.burst", "%d failures may have one cause, and %d requests of each side are enough for a pass: however many of them fail, it may be by chance. It is how many fail by one cause, such as how often a request is tried; make it less, or minimum.total more", *c.Burst, enough))
	}
	return append(out, toleranceDoubts(c.Tolerance)...)
}

// toleranceDoubts: so many times as bad is not what is meant by no worse.
func toleranceDoubts(tolerance string) []doubt {
	share, err := query.ParseShare(cmp.Or(tolerance, "20%"))
	if err != nil || share < manifold {
		return nil
	}
	return []doubt{doubtf(doubtLax, "compare.tolerance", "%s lets the canary be %.3g times as bad; it is how much worse it may be, such as 20%%", tolerance, 1+share)}
}

const (
	// lax is the half of all, which goes wrong where hardly anybody means it.
	lax = 0.5
	// manifold is a tolerance that hardly anybody means.
	manifold = 5
	// usualMinimum is how much is counted before a pass, if it is not said.
	usualMinimum = 500
)
