package analysis

import "holdfast.dev/holdfast/api/v1alpha1"

// Range: every value lies between min and max, ends included. The infinities
// lie in no range. A ratio of requests is NaN while there are none, and that is no data.

func ranged(r v1alpha1.Range) criterion {
	l := limits{Range: r}
	return criterion{
		rule:   l.text(),
		limits: func(string) (limits, bool) { return l, true },
		ruleOf: limits.text,
		say:    func(v float64, l limits, _ string) string { return l.say(v) },
	}
}
