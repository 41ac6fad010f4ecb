package evidence

import (
	"fmt"
	"testing"
)

// BenchmarkValues judges as many windows as a run may have: what a round costs the
// evaluator for each metric whose values are compared.
func BenchmarkValues(b *testing.B) {
	for _, n := range []int{60, 500, 1000, 2880} {
		pairs := noisy(seeded(13), n, 120, 100, 0.4) // at the tolerance, where nothing is decided for long
		b.Run(fmt.Sprintf("%d windows", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := latency().Judge(pairs); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
