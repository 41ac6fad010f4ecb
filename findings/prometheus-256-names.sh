#!/bin/sh
# Prometheus 3.15 (module github.com/prometheus/prometheus v0.315.0), labels.NewMatcher and
# tsdb.PostingsForMatchers.
#
# Expected: a matcher such as pod=~"web-7-(?:00000|00001|…)" costs as much as it has names.
# Found: up to 256 names it does: the pattern is taken apart into a set, and each name is looked up.
# With one more there is no set, and every value that the label has in the block is held against the
# pattern, so that the same question takes more than a hundred times as long where there are
# 200,000 pods. Written without the group, "web-7-00000|web-7-00001|…", that is so from 256 names on,
# one earlier. The answers are right all the same, and nothing tells of it.
# Who makes such queries (dashboards with a variable of many values, canaries of large Deployments)
# does better with several matchers of 255 names, joined by "or".
#
# Output seen on 2026-11-29 (times are of one machine):
#   web-7-a|web-7-b   255 names: set of 255, 255 series in 23.075µs
#   web-7-(?:a|b)     255 names: set of 255, 255 series in 24.035µs
#   web-7-a|web-7-b   256 names: set of   0, 256 series in 3.772033ms
#   web-7-(?:a|b)     256 names: set of 256, 256 series in 23.735µs
#   web-7-a|web-7-b   257 names: set of   0, 257 series in 7.427372ms
#   web-7-(?:a|b)     257 names: set of   0, 257 series in 2.902061ms
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require github.com/prometheus/prometheus v0.315.0
MOD
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
)

const pods = 200000

// expected is the size of the set by the way of writing and the number of names.
var expected = map[string]map[int]int{
	"web-7-a|web-7-b": {255: 255, 256: 0, 257: 0},
	"web-7-(?:a|b)":   {255: 255, 256: 256, 257: 0},
}

func main() {
	o := tsdb.DefaultHeadOptions()
	o.ChunkDirRoot = "."
	head, err := tsdb.NewHead(nil, nil, nil, nil, o, nil)
	check(err)
	app := head.Appender(context.Background())
	for i := range pods {
		_, err := app.Append(0, labels.FromStrings("__name__", "up", "pod", fmt.Sprintf("web-%d-%05d", i/20000, i%20000)), 1000, 1)
		check(err)
	}
	check(app.Commit())
	index, err := head.Index()
	check(err)
	took := map[bool]time.Duration{}
	changed := false
	for _, n := range []int{255, 256, 257} {
		for _, style := range []string{"web-7-a|web-7-b", "web-7-(?:a|b)"} {
			m := matcher(n, style)
			best, found := time.Duration(math.MaxInt64), 0
			for range 5 {
				began := time.Now()
				p, err := tsdb.PostingsForMatchers(context.Background(), index, m)
				check(err)
				for found = 0; p.Next(); {
					found++
				}
				best = min(best, time.Since(began))
			}
			set := len(m.SetMatches())
			fmt.Printf("%-16s %4d names: set of %3d, %d series in %s\n", style, n, set, found, best)
			changed = changed || found != n || set != expected[style][n]
			if is := set > 0; took[is] == 0 || best < took[is] {
				took[is] = best
			}
		}
	}
	if changed || took[false] < 10*took[true] {
		fmt.Println("CHANGED: it is no longer as this finding says")
		os.Exit(1)
	}
}

func matcher(n int, style string) *labels.Matcher {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("%05d", i))
	}
	pattern := "web-7-(?:" + strings.Join(names, "|") + ")"
	if !strings.Contains(style, "(") {
		pattern = "web-7-" + strings.Join(names, "|web-7-")
	}
	return labels.MustNewMatcher(labels.MatchRegexp, "pod", pattern)
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .
