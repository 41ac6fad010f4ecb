// Command judge measures judgement: it lets plain thresholds as Flagger and Argo
// Rollouts apply them, Kayenta's judge and Holdfast's judge the same thousands of
// made-up runs, good and bad, and prints tables of how often each was right and
// how fast. docs/benchmarks.md has such tables and says how to read them.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast.dev/holdfast/test/judge/bench"
	"holdfast.dev/holdfast/test/judge/judges"
	"holdfast.dev/holdfast/test/judge/world"
)

func main() {
	n := flag.Int("n", 2000, "how many runs of each cell")
	seed := flag.Uint64("seed", 1, "what they are made up from")
	rates := flag.String("rates", "1,10,100", "requests a second that reach the canary")
	only := flag.String("only", "", "only cells whose name (as in \"10/s, steady, errors 2×\") has this in it")
	full := flag.Bool("full", false, "print every number, not the shares of reverted runs alone")
	flag.Parse()
	if err := run(*n, *seed, *rates, *only, *full); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(n int, seed uint64, rates, only string, full bool) error {
	var cells []world.Cell
	for text := range strings.SplitSeq(rates, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || rate <= 0 {
			return fmt.Errorf("rate %q: want a number above 0", text)
		}
		for _, c := range world.Cells(rate) {
			if strings.Contains(c.String(), only) {
				cells = append(cells, c)
			}
		}
	}
	if n <= 0 || len(cells) == 0 {
		return fmt.Errorf("nothing to do: %d runs of %d cells", n, len(cells))
	}
	began, all := time.Now(), judges.All()
	out := bench.Run(cells, all, n, seed, func(done int) {
		fmt.Fprintf(os.Stderr, "\r%d of %d cells, %s", done, len(cells), time.Since(began).Round(time.Second))
	})
	fmt.Fprintln(os.Stderr)
	fmt.Printf("%d runs of each of %d cells, seed %d.\n\n", n, len(cells), seed)
	bench.Report(os.Stdout, out, all, full)
	return nil
}
