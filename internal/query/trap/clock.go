package trap

import (
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// clock: how long ago something was is time() less its time, in seconds. Turned round it is less the longer
// ago, and of milliseconds it is always less than nothing.
func clock(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if b.Op != parser.SUB || l.Range.Max == nil || l.Range.Min != nil {
			return
		}
		switch then := counted(b.RHS); {
		case isNow(b.RHS) && isTime(counted(b.LHS).selector):
			out = append(out, caught{b, "this is less the longer ago it was, and never more than 0; turn it round: time() - …"})
		case isNow(b.LHS) && then.selector != nil && then.factor == 1 && inMilliseconds(then.selector.Name):
			out = append(out, caught{b.RHS, fmt.Sprintf("time() is in seconds, and %s in milliseconds, by its name, so the value is always far below 0; write … / 1000", plaintext.Cut(then.selector.Name, 60))})
		}
	})
	return out
}

func isNow(expr parser.Expr) bool {
	c, ok := query.Bare(expr).(*parser.Call)
	return ok && c.Func.Name == "time"
}

// isTime: by its name it is when something was.
func isTime(s *parser.VectorSelector) bool {
	return s != nil && hasSuffix(s.Name, []string{"_timestamp_seconds", "_timestamp", "_time_seconds"}) && !strings.Contains(s.Name, "expir")
}

func inMilliseconds(name string) bool {
	return hasSuffix(name, []string{"_milliseconds", "_millis", "_ms"})
}

// perSecond: a rate is of one second. Divided by 60 it is of a 60th of one and not of a minute, and a limit
// for what happens now and then is far above it.
func perSecond(l looked) []caught {
	c := counted(l.expr)
	if c.selector == nil || c.over != "rate" && c.over != "irate" || l.Range.Max == nil || l.Range.Min != nil {
		return nil
	}
	for _, long := range []float64{60, 3600} {
		if nearlyEqual(c.factor*long, 1) {
			return []caught{{l.expr, fmt.Sprintf("a rate is of one second, so this is of a %gth of one: per %s it is the rate times %g; or take increase(…)",
				long, map[float64]string{60: "minute", 3600: "hour"}[long], long)}}
		}
	}
	if most := *l.Range.Max / c.factor; isRare(c.selector.Name) && most >= 0.05 && !math.IsInf(most, 0) {
		return []caught{{l.expr, fmt.Sprintf("a rate is of one second, so max %g bears %.4g of these a minute; take increase(…), which is how many there were in its window", *l.Range.Max, round(most*60))}}
	}
	return nil
}

// isRare: by its name it counts what hardly ever happens to a pod that is well.
func isRare(name string) bool {
	for word := range strings.FieldsFuncSeq(strings.ToLower(name), func(r rune) bool { return r == '_' || r == ':' }) {
		switch word {
		case "restart", "restarts", "oom", "ooms", "panic", "panics", "crash", "crashes", "deadlock", "deadlocks", "evictions":
			return true
		}
	}
	return false
}
