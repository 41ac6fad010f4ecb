package view

import (
	"math"
	"regexp"
	"strconv"
)

// digits is how many of a number people are shown; the whole of it is in the table beside a chart.
const digits = 4

var number = regexp.MustCompile(`-?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?`)

// rounded has the numbers of a text with as many digits as people read.
func rounded(text string) string {
	return number.ReplaceAllStringFunc(text, func(found string) string {
		v, err := strconv.ParseFloat(found, 64)
		if err != nil {
			return found
		}
		v, err = strconv.ParseFloat(strconv.FormatFloat(v, 'g', digits, 64), 64)
		if err != nil {
			return found
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	})
}

// finite is a number for JSON, nil where it is none.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
