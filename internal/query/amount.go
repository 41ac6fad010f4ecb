package query

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Amount is how much something may differ: a share of what it is compared with,
// or a number in its unit.
type Amount struct {
	// Value is the number, or the share where 1 is the whole.
	Value float64
	// Share says that it is a share.
	Share bool
}

// number is a decimal number without a sign.
var number = regexp.MustCompile(`^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$`)

// ParseAmount reads "10%" as a share and "0.05" as a number.
func ParseAmount(text string) (Amount, error) {
	head, share := strings.CutSuffix(text, "%")
	value, err := parseNumber(head, share)
	if err != nil {
		return Amount{}, errors.New(`must be a share such as "10%" or a number such as "0.05", not negative`)
	}
	return Amount{Value: value, Share: share}, nil
}

// ParseTolerance reads a share such as "5%", less than all; "" is none.
func ParseTolerance(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	amount, err := ParseAmount(text)
	if err != nil || !amount.Share || amount.Value >= 1 {
		return 0, errors.New(`must be a share such as "5%", less than "100%"`)
	}
	return amount.Value, nil
}

// parseNumber reads a finite number; in percent it is shifted before it is
// rounded, so that "10%" is 0.1 and nothing near it.
func parseNumber(text string, percent bool) (float64, error) {
	if !number.MatchString(text) {
		return 0, strconv.ErrSyntax
	}
	mantissa, exponent, found := strings.Cut(strings.ToLower(text), "e")
	power := 0
	if found {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil {
			return 0, err
		}
	}
	if percent {
		power -= 2
	}
	value, err := strconv.ParseFloat(mantissa+"e"+strconv.Itoa(power), 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, strconv.ErrRange
	}
	return value, nil
}

// Samples is which samples of a series must be good.
type Samples struct {
	// Last: the newest. Otherwise at least so many percent of them.
	Last    bool
	Percent int
}

// Enough says whether so many good samples of so many are enough.
func (s Samples) Enough(good, all int) bool {
	if s.Last {
		return good == all
	}
	return good*100 >= s.Percent*all
}

var percentage = regexp.MustCompile(`^([1-9][0-9]?|100)%$`)

// ParseSamples reads All (which "" is too), Last or a share from "1%" to "100%".
func ParseSamples(text string) (Samples, error) {
	switch {
	case text == "" || text == v1alpha1.SamplesAll:
		return Samples{Percent: 100}, nil
	case text == v1alpha1.SamplesLast:
		return Samples{Last: true}, nil
	case percentage.MatchString(text):
		percent, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
		return Samples{Percent: percent}, err
	}
	return Samples{}, errors.New(`must be All, Last or a share from "1%" to "100%"`)
}

// Patterns are regular expressions, each for a whole value.
type Patterns []*regexp.Regexp

// ParsePatterns compiles the entries of a list; with an error it says which is wrong.
func ParsePatterns(entries []string) (Patterns, int, error) {
	out := make(Patterns, 0, len(entries))
	for i, entry := range entries {
		if _, err := regexp.Compile(entry); err != nil { // by itself: a parenthesis must not end the anchors'
			return nil, i, fmt.Errorf("is no regular expression: %w", err)
		}
		pattern, err := regexp.Compile("^(?s:" + entry + ")$")
		if err != nil {
			return nil, i, fmt.Errorf("is no regular expression for a whole value: %w", err)
		}
		out = append(out, pattern)
	}
	return out, 0, nil
}

// Match says whether any of the patterns matches the whole of a value.
func (p Patterns) Match(value string) bool {
	for _, pattern := range p {
		if pattern.MatchString(value) {
			return true
		}
	}
	return false
}
