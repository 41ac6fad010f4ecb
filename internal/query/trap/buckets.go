package trap

import (
	"fmt"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// buckets: all buckets together have a request in them several times, and none of them
// makes an average of a sum.
func buckets(l looked) []caught {
	var out []caught
	query.Each(l.expr, func(b *parser.BinaryExpr, _ []parser.Node) {
		if b.Op != parser.DIV {
			return
		}
		above, below := addends(b.LHS), addends(b.RHS)
		for _, a := range append(above, below...) {
			if a.selector != nil && severalBounds(a.selector) && !keeps(a.expr, "le") {
				out = append(out, caught{a.expr, severalBuckets(a.selector)})
				return
			}
		}
		for part, whole := range pairs(above, below) {
			if says := noAverage(part.selector, whole.selector); says != "" {
				out = append(out, caught{b, says})
				return
			}
		}
	})
	return append(out, betweenBuckets(l)...)
}

func severalBounds(s *parser.VectorSelector) bool { return isBucket(s) && !oneBound(s) }

func severalBuckets(s *parser.VectorSelector) string {
	name := plaintext.Cut(s.Name, 60)
	return fmt.Sprintf("%s is added up over several buckets, each of which has in it what those before it have, so a request counts several times; name one bound, as in le=\"0.5\", or take %s for all",
		name, strings.TrimSuffix(name, "_bucket")+"_count")
}

// noAverage: a sum by a bucket, or a bucket by a sum.
func noAverage(part, whole *parser.VectorSelector) string {
	for _, pair := range [][2]*parser.VectorSelector{{part, whole}, {whole, part}} {
		if pair[0] == nil || pair[1] == nil {
			return ""
		}
		sum, ok := strings.CutSuffix(pair[0].Name, "_sum")
		if base, bucket := strings.CutSuffix(pair[1].Name, "_bucket"); ok && bucket && base == sum {
			name := plaintext.Cut(base, 60)
			return fmt.Sprintf("the sum of all by one of the buckets is no average; divide %s_sum by %s_count", name, name)
		}
	}
	return ""
}
