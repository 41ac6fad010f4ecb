package routes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/play"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/test/oracle/shrink"
	"holdfast.dev/holdfast/test/oracle/stage"
)

// band plays many sequences at a time, each in a lane.
type band struct{ lanes []*play.Lane }

func newBand(ctx context.Context, s *play.Stage, n int) (*band, error) {
	b := &band{}
	lanes := make([]*play.Lane, n)
	err := each(n, func(i int) (err error) {
		lanes[i], err = s.Lane(ctx)
		return err
	})
	for _, l := range lanes {
		if l != nil {
			b.lanes = append(b.lanes, l)
		}
	}
	return b, err
}

// each does something n times at once, and fails if it fails once.
func each(n int, do func(i int) error) error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (b *band) close(ctx context.Context) error {
	return each(len(b.lanes), func(i int) error { return b.lanes[i].Close(ctx) })
}

// progressEvery is after how many sequences a line is due.
const progressEvery = 50

// play plays sequences until all are played, so many have failed or the time is over. It returns those that
// failed.
func (b *band) play(ctx context.Context, c Choices, all []sequence.Sequence) (failed []play.Course, counted tally, err error) {
	counted = tally{explained: map[compare.Explanation]int{}, verbs: map[string]int{}}
	began := time.Now()
	var mu sync.Mutex
	next, over := 0, false
	take := func() (sequence.Sequence, bool) {
		mu.Lock()
		defer mu.Unlock()
		if over || next == len(all) || c.For > 0 && time.Since(began) > c.For {
			return sequence.Sequence{}, false
		}
		next++
		return all[next-1], true
	}
	hear := func(course play.Course, err error) {
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			over = true
			return
		}
		counted.add(course)
		if course.Failed() {
			failed = append(failed, course)
			over = over || len(failed) >= c.Failures
			fmt.Fprintf(os.Stderr, "%d of %d: seed %d fails: %s\n", counted.sequences, len(all), course.Sequence.Seed, course.Difference.Aspect)
		}
		if counted.sequences%progressEvery == 0 {
			fmt.Fprintf(os.Stderr, "%d of %d after %s\n", counted.sequences, len(all), time.Since(began).Round(time.Second))
		}
	}
	err = each(len(b.lanes), func(i int) error {
		for {
			s, more := take()
			if !more {
				return nil
			}
			course, err := b.lanes[i].Play(ctx, s)
			hear(course, err)
			if err != nil {
				return fmt.Errorf("sequence of seed %d: %w", s.Seed, err)
			}
		}
	})
	return failed, counted, err
}

// questions is how often a sequence is played to shrink it.
const questions = 60

// shrink prints the least sequences that fail as these did, with all that is known of them, and keeps them in
// a folder if one is given.
func (b *band) shrink(ctx context.Context, failed []play.Course, keep string) error {
	queue := make(chan play.Course, len(failed))
	for _, course := range failed {
		queue <- course
	}
	close(queue)
	var printing sync.Mutex
	return each(len(b.lanes), func(i int) error {
		for course := range queue {
			least, err := minimal(ctx, b.lanes[i], course)
			printing.Lock()
			fmt.Printf("=== seed %d\n%s\n", course.Sequence.Seed, describe(least))
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
func minimal(ctx context.Context, lane *play.Lane, course play.Course) (play.Course, error) {
	return shrink.Least(course, course.Sequence, questions, func(s sequence.Sequence) (play.Course, error) { return lane.Play(ctx, s) },
		func(again play.Course) bool {
			return again.Failed() && again.Difference.Aspect == course.Difference.Aspect
		})
}
