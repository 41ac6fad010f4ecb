package inline

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

const example = `write it as: sum(rate(errors_total{ {{canary}} }[1m])) in [0, 0.05]`

// rangeStart is the word in and the bracket behind it, at the end of a text.
var rangeStart = regexp.MustCompile(`(^|[\s)\]}])in\s*\[$`)

// expectation is how an expectation begins; what ends in a range is none.
var expectation = regexp.MustCompile(`^\s*(success\s*($|[<>=!≤≥0-9])|[Pp][0-9.]+\s*($|[<>=!≤≥]))`)

func isExpectation(text string) bool {
	return expectation.MatchString(text) && !strings.HasSuffix(strings.TrimRight(text, " \t\r\n"), "]")
}

// parseCriterion cuts "<PromQL> in [<min>, <max>]" into its query and its range
// and checks both. The last such range counts, so PromQL may have brackets too.
// Places in mistakes are places in text.
func parseCriterion(text string) (string, v1alpha1.Range, *query.Error) {
	var none v1alpha1.Range
	end := len(strings.TrimRight(text, " \t\r\n"))
	if end == 0 {
		return "", none, query.ErrorAt(text, 0, "the metric is empty; %s", example)
	}
	if text[end-1] != ']' {
		return "", none, query.ErrorAt(text, end, "expected a range such as “in [0, 0.05]” at the end, or an expectation such as “P99 < 310ms” or “success >= 99%%”; %s", example)
	}
	open := strings.LastIndexByte(text[:end], '[')
	if open < 0 {
		return "", none, query.ErrorAt(text, end-1, "] closes a range that no [ opens; %s", example)
	}
	start := rangeStart.FindStringIndex(text[:open+1])
	if start == nil {
		return "", none, query.ErrorAt(text, open, "expected the word “in” before the range; %s", example)
	}
	head := text[:open]
	head = head[:strings.LastIndex(head, "in")]
	if strings.TrimSpace(head) == "" {
		return "", none, query.ErrorAt(text, 0, "expected a query before “in”; %s", example)
	}
	limits, mistake := parseRange(text, open+1, end-1)
	if mistake != nil {
		return "", none, mistake
	}
	if err := checkQuery(text, head); err != nil {
		return "", none, err
	}
	return head, limits, nil
}

// checkQuery keeps the places of the query's mistakes, which begins where the text does.
func checkQuery(text, head string) *query.Error {
	_, err := query.Parse(head)
	if err == nil {
		return nil
	}
	var mistake *query.Error
	if !errors.As(err, &mistake) {
		return query.ErrorAt(text, 0, "%s", err)
	}
	return query.ErrorAt(text, mistake.Offset, "%s", mistake.Message)
}

// parseRange reads "<min>, <max>" from text[from:to].
func parseRange(text string, from, to int) (v1alpha1.Range, *query.Error) {
	var out v1alpha1.Range
	comma := strings.IndexByte(text[from:to], ',')
	if comma < 0 {
		return out, query.ErrorAt(text, to, "expected a comma between min and max, as in “in [0, 0.05]”")
	}
	comma += from
	var mistake *query.Error
	if out.Min, mistake = parseEnd(text, from, comma, -1); mistake != nil {
		return out, mistake
	}
	if out.Max, mistake = parseEnd(text, comma+1, to, +1); mistake != nil {
		return out, mistake
	}
	switch {
	case out.Min == nil && out.Max == nil:
		return out, query.ErrorAt(text, from, "the range needs min, max or both, as in “in [0, 0.05]”")
	case out.Min != nil && out.Max != nil && *out.Min > *out.Max:
		return out, query.ErrorAt(text, from, "min %g is greater than max %g; the smaller end stands first, as in “in [0, 0.05]”", *out.Min, *out.Max)
	}
	return out, nil
}

var number = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// parseEnd reads one end of a range, nil if it is open. side is -1 for min and
// +1 for max.
func parseEnd(text string, from, to, side int) (*float64, *query.Error) {
	raw := text[from:to]
	at := from + len(raw) - len(strings.TrimLeft(raw, " \t\r\n"))
	written := strings.TrimSpace(raw)
	switch strings.ToLower(written) {
	case "":
		return nil, nil
	case "-inf":
		if side < 0 {
			return nil, nil
		}
		return nil, query.ErrorAt(text, at, "max cannot be -inf; leave it out to have none, as in “in [0, ]”")
	case "inf", "+inf":
		if side > 0 {
			return nil, nil
		}
		return nil, query.ErrorAt(text, at, "min cannot be inf; leave it out to have none, as in “in [, 0.05]”")
	}
	if !number.MatchString(written) {
		return nil, query.ErrorAt(text, at, "expected a number such as 0.05, 1e-3 or inf, got %q", plaintext.Cut(written, maxShown))
	}
	value, err := strconv.ParseFloat(written, 64)
	if err != nil || math.IsInf(value, 0) {
		return nil, query.ErrorAt(text, at, "%s is too large a number", plaintext.Cut(written, maxShown))
	}
	return &value, nil
}
