package inline

import (
	"regexp"
	"time"

	"holdfast.dev/holdfast/internal/query"
)

// durationPart is what a duration consists of.
var durationPart = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(ms|s|m|h)`)

// parsePeriod reads a Go duration as CanaryPlan takes it.
func parsePeriod(text string) (time.Duration, *query.Error) {
	const form = "expected a number and a unit (ms, s, m or h), as in “10m” or “1h30m”"
	if text == "" {
		return 0, query.ErrorAt(text, 0, form)
	}
	for at := 0; at < len(text); {
		part := durationPart.FindString(text[at:])
		if part == "" {
			return 0, query.ErrorAt(text, at, form)
		}
		at += len(part)
	}
	period, err := time.ParseDuration(text)
	if err != nil {
		return 0, query.ErrorAt(text, 0, "the duration is too long; %s", form)
	}
	if period < time.Second {
		return 0, query.ErrorAt(text, 0, "the period must be at least 1s, as in “10m”")
	}
	return period, nil
}
