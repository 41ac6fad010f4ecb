package stage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/report"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Play plays a sequence from beginning to end, or to the first command after which the sides
// differ. An error is of the machine, never of Holdfast.
func (l *Lane) Play(ctx context.Context, s sequence.Sequence) (report.Course, error) {
	err := both(func(side *side) error { return side.clear(ctx) }, l.sides)
	if err != nil {
		return report.Course{}, err
	}
	p := play{lane: l, course: report.Course{Sequence: s}}
	for i, c := range s.Commands {
		if err := p.step(ctx, i, c); err != nil {
			return p.course, fmt.Errorf("play command %d, %q: %w", i+1, c, err)
		}
		if p.course.Difference.Found() {
			return p.course, nil
		}
	}
	return p.course, p.end(ctx)
}

// play is a sequence being played.
type play struct {
	lane    *Lane
	course  report.Course
	now     compare.Pair[compare.Snapshot]
	desired []map[string]any // each template once, in the order in which they were asked for
	hold    string           // the ID of the last hold
	restart time.Time        // of the last
}

func (p *play) step(ctx context.Context, i int, c sequence.Command) error {
	p.course.Steps++
	s := compare.Step{Command: c, Before: p.now}
	p.course.Last = &s
	if c.Verb == sequence.Restart {
		if err := p.nextSecond(ctx); err != nil {
			return err
		}
	}
	var err error
	switch c.Verb {
	case sequence.Release:
		err = p.release(ctx)
	case sequence.Revert:
		err = p.lane.revert(ctx)
	default:
		s.Outcome, err = p.send(ctx, c)
	}
	if err != nil {
		return err
	}
	if c.Verb == sequence.Restart {
		p.restart = time.Now()
	}
	if s.After, err = p.settle(ctx, i); err != nil || p.course.Difference.Found() {
		return err
	}
	p.note(s.After)
	if d := s.Compare(); d.Found() {
		p.course.Difference = d
		p.course.Explanation, _ = s.Explain(d)
	}
	return nil
}

// end releases what is still held, and compares all there is to see.
func (p *play) end(ctx context.Context) error {
	if err := p.release(ctx); err != nil {
		return err
	}
	after, err := p.settle(ctx, len(p.course.Sequence.Commands))
	if err != nil || p.course.Difference.Found() {
		return err
	}
	p.course.Difference = compare.Final(after)
	return nil
}

// send gives a command to both sides at once.
func (p *play) send(ctx context.Context, c sequence.Command) (compare.Pair[compare.Outcome], error) {
	var outcomes compare.Pair[compare.Outcome]
	situations, err := p.situations(c)
	if err != nil {
		return outcomes, err
	}
	unguarded, err := invocations(c, situations.Unguarded)
	if err != nil {
		return outcomes, err
	}
	guarded, err := invocations(c, situations.Guarded)
	if err != nil {
		return outcomes, err
	}
	for _, i := range unguarded {
		if err := p.lane.write(i.files); err != nil {
			return outcomes, err
		}
	}
	err = parallel(
		func() (err error) { outcomes.Unguarded, err = p.lane.sides.Unguarded.run(ctx, unguarded); return err },
		func() (err error) { outcomes.Guarded, err = p.lane.sides.Guarded.run(ctx, guarded); return err },
	)
	return outcomes, err
}

// situations look up the revision that an undo names, which has another number on each side.
func (p *play) situations(c sequence.Command) (compare.Pair[situation], error) {
	out := compare.Pair[situation]{Unguarded: situation{editor: p.lane.stage.editor}, Guarded: situation{editor: p.lane.stage.editor}}
	to := c.Option(sequence.To)
	if c.Verb != sequence.Undo || to == "" {
		return out, nil
	}
	var n int
	if _, err := fmt.Sscan(to, &n); err != nil {
		return out, fmt.Errorf("read which template to go back to: %w", err)
	}
	out.Unguarded.revision, out.Guarded.revision = noRevision, noRevision
	if n < 1 || n > len(p.desired) {
		return out, nil
	}
	if r := p.now.Unguarded.RevisionOf(p.desired[n-1]); r != 0 {
		out.Unguarded.revision = r
	}
	if r := p.now.Guarded.RevisionOf(p.desired[n-1]); r != 0 {
		out.Guarded.revision = r
	}
	return out, nil
}

func (p *play) release(ctx context.Context) error {
	released, err := p.lane.sides.Guarded.release(ctx)
	if released {
		p.course.Releases++
	}
	return err
}

// settle waits for both sides; what does not come to rest is a difference of its own.
func (p *play) settle(ctx context.Context, step int) (compare.Pair[compare.Snapshot], error) {
	var states compare.Pair[compare.Snapshot]
	var stuck compare.Pair[string]
	err := parallel(
		func() (err error) {
			states.Unguarded, stuck.Unguarded, err = p.lane.sides.Unguarded.settled(ctx, step)
			return err
		},
		func() (err error) {
			states.Guarded, stuck.Guarded, err = p.lane.sides.Guarded.settled(ctx, step)
			return err
		},
	)
	if stuck.Unguarded != "" || stuck.Guarded != "" {
		p.course.Difference = compare.Difference{Aspect: compare.Unsettled, Detail: fmt.Sprintf("- %s\n+ %s\n", stuck.Unguarded, stuck.Guarded)}
	}
	return states, err
}

// note remembers what later commands go by.
func (p *play) note(after compare.Pair[compare.Snapshot]) {
	p.now = after
	if record := after.Guarded.Record; record != nil && record.ID != p.hold {
		p.course.Holds++
		p.hold = record.ID
	}
	desired := after.Unguarded.Desired()
	for _, known := range p.desired {
		if compare.Same(known, desired) {
			return
		}
	}
	if desired != nil {
		p.desired = append(p.desired, desired)
	}
}

// nextSecond lets the second of the last restart pass: kubectl makes one a second, and refuses the next.
func (p *play) nextSecond(ctx context.Context) error {
	if wait := time.Until(p.restart.Truncate(time.Second).Add(time.Second)); wait > 0 {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func both(do func(*side) error, sides compare.Pair[*side]) error {
	return parallel(func() error { return do(sides.Unguarded) }, func() error { return do(sides.Guarded) })
}

func parallel(all ...func() error) error {
	errs := make(chan error, len(all))
	for _, do := range all {
		go func() { errs <- do() }()
	}
	var problems []error
	for range all {
		problems = append(problems, <-errs)
	}
	return errors.Join(problems...)
}
