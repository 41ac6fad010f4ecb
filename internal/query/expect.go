package query

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Expectation is what a built-in criterion expects of requests. Its zero value
// is none; ParseExpectation makes one.
type Expectation struct {
	// Quantile, between 0 and 1, is that of the duration; 0 where the share of
	// successes is meant.
	Quantile float64
	// Limit is the end of what is good: a share from 0 to 1, at least which must
	// succeed, or seconds, at most which requests may take.
	Limit float64
	// Strict says that the limit itself is not good.
	Strict bool
	// Text is the expectation as people write it: "P99 < 310ms", "success >= 99%".
	Text string
}

// Success says whether the share of successes is meant.
func (e Expectation) Success() bool { return e.Quantile == 0 }

const expectExample = "write it as “success >= 99%” or “P99 < 310ms”"

var (
	expectSubject  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9.]*`)
	expectQuantile = regexp.MustCompile(`^[Pp]([0-9]+(?:\.[0-9]+)?)$`)
	expectOperator = regexp.MustCompile(`^(?:<=|>=|==|!=|=<|=>|[<>=≤≥])`)
	expectLatency  = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(us|µs|μs|ms|s|m))+$`)
	expectShare    = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)(%?)$`)
	plainNumber    = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)$`)
)

// maxExpect is how many characters an expectation has at most, as a CanaryPlan's.
const maxExpect = 64

// ParseExpectation reads an expectation: "success" with >= or > and a share, or
// a quantile such as "P99" with < or <= and a duration. ≥ and ≤ do as well.
func ParseExpectation(text string) (Expectation, *Error) {
	p := expectParser{text: text}
	p.space()
	if p.rest() == "" {
		return Expectation{}, p.mistake("the expectation is empty; %s", expectExample)
	}
	if n := utf8.RuneCountInString(strings.TrimSpace(text)); n > maxExpect {
		return Expectation{}, p.mistake("the expectation has %d characters, at most %d are taken; leave out spaces, and digits that do not matter", n, maxExpect)
	}
	at := p.at
	subject := p.take(expectSubject)
	p.space()
	operatorAt := p.at
	operator := p.operator()
	p.space()
	var out Expectation
	var mistake *Error
	switch quantile := expectQuantile.FindStringSubmatch(subject); {
	case subject == "success":
		out, mistake = p.success(operator, operatorAt)
	case quantile != nil:
		out, mistake = p.latency(quantile[1], at, operator, operatorAt)
	default:
		mistake = ErrorAt(text, at, "expected “success” or a quantile such as “P99”, got %q; %s", plaintext.Cut(cmp.Or(subject, p.text[at:]), 40), expectExample)
	}
	if mistake != nil {
		return Expectation{}, mistake
	}
	return out, nil
}

type expectParser struct {
	text string
	at   int
}

func (p *expectParser) rest() string { return p.text[p.at:] }

func (p *expectParser) space() {
	p.at = len(p.text) - len(strings.TrimLeft(p.rest(), " \t\r\n"))
}

func (p *expectParser) take(form *regexp.Regexp) string {
	found := form.FindString(p.rest())
	p.at += len(found)
	return found
}

// operator is the one that stands here, ≤ and ≥ in two letters.
func (p *expectParser) operator() string {
	return strings.NewReplacer("≤", "<=", "≥", ">=").Replace(p.take(expectOperator))
}

func (p *expectParser) mistake(format string, args ...any) *Error {
	return ErrorAt(p.text, p.at, format, args...)
}

func (p *expectParser) success(operator string, at int) (Expectation, *Error) {
	if operator != ">=" && operator != ">" {
		return Expectation{}, ErrorAt(p.text, at, "a share of successes has a lower end: expected >= or >, as in “success >= 99%%”")
	}
	written := strings.TrimRight(p.rest(), " \t\r\n")
	form := expectShare.FindStringSubmatch(written)
	if form == nil {
		return Expectation{}, p.mistake("expected a share such as 99%% or 0.99, got %q", plaintext.Cut(written, 40))
	}
	share, err := strconv.ParseFloat(form[1], 64)
	if err == nil && form[2] != "" {
		share, err = strconv.ParseFloat(form[1]+"e-2", 64) // exact, where a division would round twice
	}
	switch {
	case err != nil:
		return Expectation{}, p.mistake("%s is no number that can be compared with", plaintext.Cut(written, 40))
	case share > 1 && form[2] == "":
		return Expectation{}, p.mistake("%s is more than all requests; write %s%% for a percentage, or a share up to 1", plaintext.Cut(written, 40), plaintext.Cut(form[1], 40))
	case share > 1:
		return Expectation{}, p.mistake("%s is more than all requests; the most that can succeed is 100%%", plaintext.Cut(written, 40))
	case share == 1 && operator == ">":
		return Expectation{}, p.mistake("more than all requests cannot succeed; write success >= 100%%")
	case share == 0 && operator == ">=":
		return Expectation{}, p.mistake("every canary keeps success >= 0; name the share that must succeed")
	case form[2] != "" && share <= tiny:
		return Expectation{}, p.tinyShare(operator, form[1], share)
	}
	return Expectation{Limit: share, Strict: operator == ">", Text: fmt.Sprintf("success %s %s", operator, written)}, nil
}

// tiny is the greatest share that nobody means who writes it in percent: it is a
// share with a percent sign behind it.
const tiny = 0.01

func (p *expectParser) tinyShare(operator, written string, share float64) *Error {
	meant, err := strconv.ParseFloat(written+"e2", 64)
	if err != nil || share == 0 {
		return p.mistake("0%% lets all requests fail but one; write success > 0 if one success is enough")
	}
	likely := operator
	if meant >= 100 { // more than all cannot succeed
		likely = ">="
	}
	return p.mistake("%s%% lets at least 99 of 100 requests fail; write success %s %g%% if that is what is meant, or success %s %g for what it says",
		plaintext.Cut(written, 40), likely, meant, operator, share)
}

func (p *expectParser) latency(percentile string, subjectAt int, operator string, at int) (Expectation, *Error) {
	quantile, err := strconv.ParseFloat(percentile+"e-2", 64)
	if err != nil || quantile <= 0 || quantile >= 1 {
		return Expectation{}, ErrorAt(p.text, subjectAt, "expected a quantile between P0 and P100, such as P50, P99 or P99.9")
	}
	if quantile < tiny {
		return Expectation{}, ErrorAt(p.text, subjectAt, "P%s is what 99 of 100 requests are slower than; quantiles are in percent, write P%g for %s of the requests",
			plaintext.Cut(percentile, 40), quantile*1e4, plaintext.Cut(percentile, 40))
	}
	if operator != "<" && operator != "<=" {
		return Expectation{}, ErrorAt(p.text, at, "a duration has an upper end: expected < or <=, as in “P99 < 310ms”")
	}
	written := strings.TrimRight(p.rest(), " \t\r\n")
	if plainNumber.MatchString(written) {
		return Expectation{}, p.mistake("%s has no unit; write %sms for milliseconds or %ss for seconds", plaintext.Cut(written, 40), plaintext.Cut(written, 40), plaintext.Cut(written, 40))
	}
	if !expectLatency.MatchString(written) {
		return Expectation{}, p.mistake("expected a duration such as 310ms or 1.5s, got %q", plaintext.Cut(written, 40))
	}
	limit, err := time.ParseDuration(written)
	if err != nil || limit <= 0 {
		return Expectation{}, p.mistake("%s is no duration that a request could take", plaintext.Cut(written, 40))
	}
	return Expectation{
		Quantile: quantile, Limit: limit.Seconds(), Strict: operator == "<",
		Text: fmt.Sprintf("P%s %s %s", percentile, operator, written),
	}, nil
}
