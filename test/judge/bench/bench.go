// Package bench lets judges judge many runs of many cells, and says what came of
// it: how often they reverted, how fast, and whether the bar is met.
package bench

import (
	"runtime"
	"slices"
	"sync"

	"holdfast.dev/holdfast/test/judge/judges"
	"holdfast.dev/holdfast/test/judge/world"
)

// Score is what one judge made of one cell.
type Score struct {
	Runs                          int
	Reverted, Released, Undecided int
	// Seconds are the times of reverting and of any decision, in order.
	ToRevert, ToDecide []int
}

// Cell is a cell with the score of each judge, in their order.
type Cell struct {
	world.Cell
	Scores []Score
}

// Run judges n runs of each cell by all judges, on all processors. The same seed
// makes the same runs, whatever else is benched with them; a run has its number's
// chance in every cell. progress is told the
// number of cells done.
func Run(cells []world.Cell, all []judges.Judge, n int, seed uint64, progress func(done int)) []Cell {
	out := make([]Cell, len(cells))
	for i, c := range cells {
		out[i] = judge(c, all, n, seed)
		progress(i + 1)
	}
	return out
}

func judge(c world.Cell, all []judges.Judge, n int, seed uint64) Cell {
	verdicts := make([][]judges.Verdict, n)
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wait.Go(func() {
			for i := w; i < n; i += workers {
				run := world.Make(c, seed, uint64(i))
				for _, j := range all {
					verdicts[i] = append(verdicts[i], j.Decide(run))
				}
			}
		})
	}
	wait.Wait()
	cell := Cell{Cell: c, Scores: make([]Score, len(all))}
	for j := range all {
		for i := range n {
			cell.Scores[j].add(verdicts[i][j])
		}
		slices.Sort(cell.Scores[j].ToRevert)
		slices.Sort(cell.Scores[j].ToDecide)
	}
	return cell
}

func (s *Score) add(v judges.Verdict) {
	s.Runs++
	switch v.Outcome {
	case judges.Reverted:
		s.Reverted++
		s.ToRevert = append(s.ToRevert, v.Seconds)
	case judges.Released:
		s.Released++
	default:
		s.Undecided++
		return
	}
	s.ToDecide = append(s.ToDecide, v.Seconds)
}

// Share is how many of all runs, from 0 to 1.
func (s Score) Share(n int) float64 { return float64(n) / float64(max(1, s.Runs)) }

// quantile is the q-quantile of times in order over so many runs; those without
// a time took for ever. It is false where that is for ever.
func quantile(times []int, runs int, q float64) (int, bool) {
	i := int(q * float64(runs-1))
	if i < 0 || i >= len(times) {
		return 0, false
	}
	return times[i], true
}
