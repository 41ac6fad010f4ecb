package analysis

import "holdfast.dev/holdfast/api/v1alpha1"

// Range: every value lies between min and max, ends included. NaN and the
// infinities lie in no range. A ratio of requests is NaN while there are none,
// so a query that may see no traffic has to say what that means.

func ranged(r v1alpha1.Range) criterion {
	l := limits{Range: r}
	return criterion{
		rule:   l.text(),
		limits: func(string) (limits, bool) { return l, true },
		ruleOf: limits.text,
		say:    func(v float64, l limits, _ string) string { return l.say(v) },
	}
}
