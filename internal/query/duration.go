package query

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// Duration writes a duration as PromQL does ("1m30s"), in milliseconds at the
// finest; what is not longer than zero is written as "1ms", the shortest range there is.
func Duration(d time.Duration) string {
	left := max(d.Milliseconds(), 1)
	var out strings.Builder
	for _, unit := range []struct {
		name   string
		millis int64
	}{{"h", 3_600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}} {
		if n := left / unit.millis; n > 0 {
			fmt.Fprintf(&out, "%d%s", n, unit.name)
			left -= n * unit.millis
		}
	}
	return out.String()
}

// lasts is how long a duration of a query is, which may be written as an expression.
// What depends on the step or the range of the request is none in an instant query.
func lasts(plain time.Duration, expr *parser.DurationExpr) time.Duration {
	if expr == nil {
		return plain
	}
	seconds := secondsOf(expr)
	if !(math.Abs(seconds) < math.MaxInt64/1e9) {
		return 0 // which Prometheus refuses
	}
	return time.Duration(seconds * float64(time.Second))
}

func secondsOf(expr parser.Expr) float64 {
	switch e := expr.(type) {
	case *parser.NumberLiteral:
		return e.Val
	case *parser.ParenExpr:
		return secondsOf(e.Expr)
	case *parser.DurationExpr:
		return secondsOfBoth(e)
	}
	return 0
}

func secondsOfBoth(e *parser.DurationExpr) float64 {
	left, right := 0.0, 0.0
	if e.LHS != nil {
		left = secondsOf(e.LHS)
	}
	if e.RHS != nil {
		right = secondsOf(e.RHS)
	}
	switch e.Op {
	case parser.ADD:
		return left + right
	case parser.SUB:
		return left - right
	case parser.MUL:
		return left * right
	case parser.DIV:
		return left / right
	case parser.MOD:
		return math.Mod(left, right)
	case parser.POW:
		return math.Pow(left, right)
	case parser.MIN_OF:
		return min(left, right)
	case parser.MAX_OF:
		return max(left, right)
	}
	return 0
}
