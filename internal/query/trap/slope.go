package trap

import (
	"math"

	"github.com/prometheus/prometheus/promql/parser"
)

// slope is a function of which greater values come from greater ones, and the one back. Both
// take every number, also those that the function never has or does not take.
type slope struct{ of, back func(float64) float64 }

// slopes by their names in PromQL.
var slopes = map[string]slope{
	"ln":    {logarithm(math.Log), math.Exp},
	"log2":  {logarithm(math.Log2), math.Exp2},
	"log10": {logarithm(math.Log10), func(v float64) float64 { return math.Pow(10, v) }},
	"exp":   {math.Exp, logarithm(math.Log)},
	"asinh": {math.Asinh, math.Sinh},
	"sinh":  {math.Sinh, math.Asinh},
	"atan":  {math.Atan, bounded(math.Tan, math.Pi/2)},
	"tanh":  {math.Tanh, bounded(math.Atanh, 1)},
	"deg":   {func(v float64) float64 { return v * 180 / math.Pi }, func(v float64) float64 { return v * math.Pi / 180 }},
	"rad":   {func(v float64) float64 { return v * math.Pi / 180 }, func(v float64) float64 { return v * 180 / math.Pi }},
	"sqrt": {
		func(v float64) float64 { return math.Sqrt(max(v, 0)) },
		func(v float64) float64 { return max(v, 0) * max(v, 0) },
	},
}

// logarithm has what is not positive at the bottom.
func logarithm(f func(float64) float64) func(float64) float64 {
	return func(v float64) float64 { return f(max(v, 0)) }
}

// bounded has what lies beyond ±end at the top, or the bottom.
func bounded(f func(float64) float64, end float64) func(float64) float64 {
	return func(v float64) float64 {
		if math.Abs(v) >= end {
			return math.Inf(int(sign(v)))
		}
		return f(v)
	}
}

// values are those of a function of such a shape.
func (s slope) values(of possible) possible {
	return possible{low: s.of(of.low), high: s.of(of.high), tone: of.tone}
}

// angled is the quotient of which an atan2 is the angle.
func angled(e *parser.BinaryExpr) *parser.BinaryExpr {
	out := *e
	out.Op = parser.DIV
	return &out
}
