package query

import (
	"fmt"
	"strings"
	"time"
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
