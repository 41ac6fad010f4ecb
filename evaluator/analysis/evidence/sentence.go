package evidence

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

func (c CountTest) sentence(t Tally, r Result) string {
	verb, noun := c.Words.Verb, c.Words.Noun
	if verb == "" {
		verb = "failed"
	}
	if noun == "" {
		noun = "requests"
	}
	if t.Points == 0 {
		return fmt.Sprintf("there were no %s to compare on both sides", noun)
	}
	s := fmt.Sprintf("the canary %s %s %s, the baseline %s", verb,
		count(t.Sum.CanaryBad)+" of "+count(t.Sum.CanaryTotal), noun,
		count(t.Sum.BaselineBad)+" of "+count(t.Sum.BaselineTotal))
	if t.Sum.CanaryBad+t.Sum.BaselineBad > 0 {
		s += ": " + r.Effect.words("as often", "",
			bound{r.State != NotWorse, c.Alpha}, bound{r.State != Worse, c.Beta})
	}
	if r.State == TooFew {
		s += fmt.Sprintf("; before a pass %s %s of each in %d intervals are wanted", count(c.MinTotal), noun, c.MinPoints)
	}
	return s + unsettled(r.State)
}

func unsettled(s State) string {
	if s == Undecided {
		return "; that tells neither way yet"
	}
	return ""
}

// bound is how one end of an effect is told: with which probability of an error,
// if at all.
type bound struct {
	told bool
	p    float64
}

// words tell an effect with its bounds.
func (e EffectSize) words(as, unit string, low, high bound) string {
	var bounds []string
	if low.told && finite(e.Low) && (e.Low > 0 || e.Difference) {
		bounds = append(bounds, fmt.Sprintf("at least %s, %s sure", e.amount(e.Low, unit), sure(low.p)))
	}
	if high.told && finite(e.High) {
		bounds = append(bounds, fmt.Sprintf("at most %s, %s sure", e.amount(e.High, unit), sure(high.p)))
	}
	var main string
	switch {
	case e.Difference:
		main = "a difference of " + e.amount(e.Estimate, unit)
	case math.IsInf(e.Estimate, 1):
		main = "only the canary did"
	case digits(e.Estimate) == "1":
		main = "just " + as
	default:
		main = e.amount(e.Estimate, unit) + " " + as
	}
	if len(bounds) == 0 {
		return main
	}
	return main + " (" + strings.Join(bounds, "; ") + ")"
}

func (e EffectSize) amount(v float64, unit string) string {
	if e.Difference {
		return digits(v) + unit
	}
	return digits(v) + " times"
}

// sure writes 1-p in percent.
func sure(p float64) string {
	return strconv.FormatFloat(100*(1-p), 'g', 4, 64) + " %"
}

// threeDigits writes a value as it was measured, near enough.
func threeDigits(v float64) string {
	if a := math.Abs(v); a >= 999.5 && a < 1e15 {
		return group(strconv.FormatFloat(v, 'f', 0, 64))
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// digits writes a value with two digits that matter, more where they stand
// before the point.
func digits(v float64) string {
	if a := math.Abs(v); a >= 9.95 && a < 1e15 {
		return group(strconv.FormatFloat(v, 'f', 0, 64))
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

// count writes a count with its thousands apart.
func count(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v == math.Trunc(v):
		return group(strconv.FormatFloat(v, 'f', 0, 64))
	default:
		return digits(v)
	}
}

func group(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
