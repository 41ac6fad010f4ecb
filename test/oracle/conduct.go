package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"holdfast.dev/holdfast/test/oracle/generate"
	"holdfast.dev/holdfast/test/oracle/report"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/test/oracle/shrink"
	"holdfast.dev/holdfast/test/oracle/stage"
)

// conductor plays many sequences at a time, each in a lane.
type conductor struct {
	lanes []*stage.Lane
}

// newConductor makes so many lanes.
func newConductor(ctx context.Context, s *stage.Stage, lanes int) (*conductor, error) {
	c := &conductor{lanes: make([]*stage.Lane, lanes)}
	return c, c.each(func(i int, _ *stage.Lane) (err error) {
		c.lanes[i], err = s.Lane(ctx)
		return err
	})
}

// each does something in every lane at once, and fails if it fails in one.
func (c *conductor) each(do func(i int, lane *stage.Lane) error) error {
	errs := make([]error, len(c.lanes))
	var all sync.WaitGroup
	for i, lane := range c.lanes {
		all.Go(func() { errs[i] = do(i, lane) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (c *conductor) close(ctx context.Context) error {
	return c.each(func(_ int, lane *stage.Lane) error { return lane.Close(ctx) })
}

// generated are the sequences of a seed.
func generated(seed uint64, n int) []sequence.Sequence {
	out := make([]sequence.Sequence, n)
	for i := range out {
		out[i] = generate.Sequence(seed*1_000_000 + uint64(i))
	}
	return out
}

// play plays sequences and tells of each, one at a time, how it went. It ends when tell says that
// it is enough.
func (c *conductor) play(ctx context.Context, all []sequence.Sequence, tell func(report.Course) (more bool)) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	next := make(chan sequence.Sequence)
	go func() {
		defer close(next)
		for _, s := range all {
			select {
			case next <- s:
			case <-ctx.Done():
				return
			}
		}
	}()
	var telling sync.Mutex
	enough := false
	return c.each(func(_ int, lane *stage.Lane) error {
		for s := range next {
			course, err := lane.Play(ctx, s)
			telling.Lock()
			if enough {
				telling.Unlock()
				return nil
			}
			if err != nil {
				enough = true
			} else {
				enough = !tell(course)
			}
			over := enough
			telling.Unlock()
			if over {
				stop()
			}
			if err != nil {
				return fmt.Errorf("sequence of seed %d: %w", s.Seed, err)
			}
		}
		return nil
	})
}

// questions is how often a sequence is played to shrink it.
const questions = 150

// shrink prints the least sequences that fail as these did, with all that is known of them, and
// keeps them in a folder if one is given.
func (c *conductor) shrink(ctx context.Context, failed []report.Course, out io.Writer, keep string) error {
	queue := make(chan report.Course, len(failed))
	for _, course := range failed {
		queue <- course
	}
	close(queue)
	var printing sync.Mutex
	return c.each(func(_ int, lane *stage.Lane) error {
		for course := range queue {
			least, err := minimal(ctx, lane, course)
			printing.Lock()
			fmt.Fprintf(out, "=== seed %d\n%s\n", course.Sequence.Seed, least)
			printing.Unlock()
			if err = errors.Join(err, stage.Keep(least.Sequence, string(least.Difference.Aspect), least.Steps, course.Sequence.Seed, keep)); err != nil {
				return err
			}
		}
		return nil
	})
}

// minimal is the course of the least sequence that fails in the same aspect; the given one if it fails no
// more.
func minimal(ctx context.Context, lane *stage.Lane, course report.Course) (report.Course, error) {
	return shrink.Least(course, course.Sequence, questions, func(s sequence.Sequence) (report.Course, error) { return lane.Play(ctx, s) },
		func(again report.Course) bool {
			return again.Failed() && again.Difference.Aspect == course.Difference.Aspect
		})
}
