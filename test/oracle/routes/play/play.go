package play

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/generate"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Course is how a sequence went.
type Course struct {
	Sequence sequence.Sequence
	// Steps is how many of its commands were given, Writes how many of those wrote the route, and Under how many
	// of these while a share was on it. Runs is how many runs began, Again how many clients lost a race and were
	// run again.
	Steps, Writes, Under, Runs, Again int
	Difference                        compare.Difference
	// Explanation is why the difference cannot be helped, "" if it could or there is none.
	Explanation compare.Explanation
	// Last is the last command that wrote the route.
	Last compare.Step
}

// Failed says whether there is a difference that nothing explains.
func (c Course) Failed() bool { return c.Difference.Found() && c.Explanation == "" }

// Play plays a sequence from beginning to end, or to the first command after which both differ. An error is
// of the machine, never of Holdfast.
func (l *Lane) Play(ctx context.Context, s sequence.Sequence) (Course, error) {
	p := &play{lane: l, course: Course{Sequence: s}}
	if err := l.clear(ctx); err != nil {
		return p.course, err
	}
	for i, c := range s.Commands {
		p.course.Steps++
		if err := p.step(ctx, c); err != nil {
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
	lane   *Lane
	course Course
	// on says that a run has begun and not been ended, share which of the shares it is to have. steady says that
	// the route sent requests to the Deployment all the while: a run that finds none may wait for a person.
	on, steady bool
	share      int
	// overtakes says that the share on the route may be that of a run before, which gives way to this one.
	overtakes bool
	// calm says that all is as it should be, and nobody but a client of the sequence writes the route.
	calm bool
	kept compare.Pair[kept]
}

// kept is a text that was read.
type kept struct {
	text   []byte
	object compare.Object
}

func (p *play) step(ctx context.Context, c sequence.Command) error {
	switch c.Verb {
	case sequence.Begin:
		return p.begin(ctx, c)
	case sequence.Next:
		return p.next(ctx, c)
	case sequence.End:
		return p.finish(ctx, c)
	case sequence.Keep:
		if err := p.quiet(ctx); err != nil || p.course.Difference.Found() {
			return err
		}
		var err error
		p.kept, err = p.read(ctx)
		return err
	case sequence.Resend:
		if p.kept.Twin.object == nil || p.kept.Laid.object == nil {
			return nil
		}
		return p.write(ctx, c, p.kept)
	case sequence.Edit, sequence.RereadReplace, sequence.RereadApply, sequence.RereadServer:
		if err := p.quiet(ctx); err != nil || p.course.Difference.Found() {
			return err
		}
		texts, err := p.read(ctx)
		if err != nil || texts.Twin.object == nil {
			return err
		}
		return p.write(ctx, c, texts)
	}
	return p.write(ctx, c, compare.Pair[kept]{})
}

func (p *play) begin(ctx context.Context, c sequence.Command) error {
	now, err := p.lane.look(ctx)
	if err != nil || !httproute.Reaches(now.Twin.Object) {
		return err
	}
	if err := p.lane.begin(ctx); err != nil {
		return err
	}
	p.overtakes = p.on || !p.calm
	p.on, p.steady, p.calm, p.share = true, true, false, 0
	p.course.Runs++
	return p.waited(ctx, c)
}

func (p *play) next(ctx context.Context, c sequence.Command) error {
	if !p.on || !p.steady || p.share+1 >= len(generate.Shares) {
		return nil
	}
	if err := p.quiet(ctx); err != nil || p.course.Difference.Found() || !p.calm {
		return err
	}
	p.share++
	p.calm = false
	if err := p.lane.decide(ctx, fmt.Sprintf(`"approvedSteps":%d`, p.share)); err != nil {
		return err
	}
	return p.waited(ctx, c)
}

func (p *play) finish(ctx context.Context, c sequence.Command) error {
	if !p.on {
		return nil
	}
	if err := p.lane.end(ctx, c.Option(sequence.How)); err != nil {
		return err
	}
	p.on, p.calm = false, false
	return p.waited(ctx, c)
}

func (p *play) waited(ctx context.Context, c sequence.Command) error {
	if c.Option(sequence.Wait) == sequence.No {
		return nil
	}
	return p.quiet(ctx)
}

// quiet waits until the route has the share that it should have, and everybody has answered.
func (p *play) quiet(ctx context.Context) error {
	if err := p.lane.settled(ctx); err != nil || p.calm {
		return err
	}
	var now compare.Pair[compare.View]
	aspect := compare.Unlaid
	not := "the share of the run is not on the route"
	if !p.on {
		aspect, not = compare.Left, "the share of a run that has ended is on the route"
	}
	err := p.lane.until(ctx, not, func(ctx context.Context) (is bool, err error) {
		if now, err = p.lane.look(ctx); err != nil {
			return false, err
		}
		record := now.Laid.Record
		switch {
		case !p.on:
			if record != nil || now.Laid.Broken != "" {
				return false, nil
			}
			return p.lane.over(ctx)
		case !p.steady || now.Laid.Object == nil || !httproute.Reaches(now.Twin.Object):
			return true, nil
		case record == nil || record.Percent != generate.Shares[p.share]:
			return false, nil
		}
		run, err := p.lane.running(ctx)
		return err == nil && run != nil && run.Name == record.Run && run.Status.Reason == v1alpha1.ReasonApproval, err
	})
	if errors.Is(err, errLate) {
		p.course.Difference = compare.Difference{Aspect: aspect, Detail: fmt.Sprintf("%v\n%s", err, p.lane.status(ctx))}
		return nil
	}
	if err != nil {
		return err
	}
	p.calm, p.overtakes = !p.on || p.steady, false
	if err := p.lane.settled(ctx); err != nil {
		return err
	}
	if now, err = p.lane.look(ctx); err == nil {
		p.course.Difference = compare.Compare(now)
	}
	return err
}

// read reads both routes as people do.
func (p *play) read(ctx context.Context) (compare.Pair[kept], error) {
	var out compare.Pair[kept]
	for namespace, into := range map[string]*kept{p.lane.namespaces.Twin: &out.Twin, p.lane.namespaces.Laid: &out.Laid} {
		got, err := p.lane.runOne(ctx, namespace, kubectl("get", target, "-o", "yaml"))
		if err != nil {
			return out, err
		}
		if got.Code != 0 {
			return compare.Pair[kept]{}, nil // there is no route
		}
		into.text = []byte(got.Said)
		if into.object, err = httproute.Decode(into.text); err != nil {
			return out, err
		}
	}
	return out, nil
}

// write gives a command to both, and compares.
func (p *play) write(ctx context.Context, c sequence.Command, texts compare.Pair[kept]) error {
	if err := p.lane.settled(ctx); err != nil {
		return err
	}
	before, err := p.lane.look(ctx)
	if err != nil {
		return err
	}
	words, err := p.wordsOf(c, before, texts)
	if err != nil {
		return err
	}
	if len(words.Laid) == 0 && len(c.Settings()) > 0 {
		return nil // there is nothing of what it names
	}
	s := compare.Step{Command: c, Words: words.Laid, Before: before}
	if err := p.send(ctx, &s, words, texts); err != nil {
		return err
	}
	p.course.Writes++
	if before.Laid.Record != nil {
		p.course.Under++
	}
	if err := p.lane.settled(ctx); err != nil {
		return err
	}
	if s.After, err = p.lane.look(ctx); err != nil {
		return err
	}
	p.course.Last = s
	p.judge(s)
	return nil
}

// wordsOf are the words of a command for each, at places that there are.
func (p *play) wordsOf(c sequence.Command, before compare.Pair[compare.View], texts compare.Pair[kept]) (out compare.Pair[[]sequence.Word], err error) {
	out.Laid = c.Settings()
	switch {
	case texts.Twin.object != nil:
		if out.Laid, err = httproute.Resolve(out.Laid, texts.Twin.object); err != nil {
			return out, err
		}
		seen, kept := httproute.AsSeen(out.Laid, texts.Laid.object)
		out.Twin = slices.Concat(seen, kept)
		return out, nil
	case c.Verb == sequence.PatchJSON:
		if before.Twin.Object == nil {
			return compare.Pair[[]sequence.Word]{}, nil
		}
		out.Laid, err = httproute.Resolve(out.Laid, before.Twin.Object)
	}
	out.Twin = out.Laid
	return out, err
}

func (p *play) send(ctx context.Context, s *compare.Step, words compare.Pair[[]sequence.Word], texts compare.Pair[kept]) error {
	twin, err := p.lane.stage.invocations(s.Command, words.Twin, texts.Twin.text)
	if err != nil {
		return err
	}
	laid, err := p.lane.stage.invocations(s.Command, words.Laid, texts.Laid.text)
	if err != nil {
		return err
	}
	var again compare.Pair[int]
	problems := make(chan error, 2)
	go func() {
		var err error
		s.Outcome.Twin, again.Twin, err = p.lane.run(ctx, p.lane.namespaces.Twin, twin)
		problems <- err
	}()
	go func() {
		var err error
		s.Outcome.Laid, again.Laid, err = p.lane.run(ctx, p.lane.namespaces.Laid, laid)
		problems <- err
	}()
	err = errors.Join(<-problems, <-problems)
	p.course.Again += again.Twin + again.Laid
	return err
}

// judge compares both after a command that wrote the route.
func (p *play) judge(s compare.Step) {
	p.course.Difference = s.Compare()
	reaches := httproute.Reaches(s.After.Twin.Object)
	untouched := s.Before.Twin.Version() == s.After.Twin.Version() && s.Before.Laid.Version() != s.After.Laid.Version()
	switch {
	case p.course.Difference.Found():
		p.course.Explanation = s.Explain(p.course.Difference)
	case p.calm && untouched:
		p.course.Difference = compare.Difference{Aspect: compare.Touched, Detail: fmt.Sprintf("- %s\n+ %s became %s\n",
			s.Before.Twin.Version(), s.Before.Laid.Version(), s.After.Laid.Version())}
	case s.Command.Verb == sequence.Recreate:
		p.steady = p.steady && p.calm && reaches // the run has shown that there is a route
		p.calm = p.calm && !p.on
	case p.on && p.steady && !p.overtakes && reaches && s.Before.Laid.Record != nil && s.After.Laid.Record == nil:
		p.course.Difference = compare.Difference{Aspect: compare.Unlaid, Detail: "a request took the share of the canary off the route\n"}
	case p.on && !reaches:
		p.steady, p.calm = false, false
	}
}

// end ends the run that there may be, and compares all there is to see.
func (p *play) end(ctx context.Context) error {
	if p.on {
		p.on, p.calm = false, false
		if err := p.lane.end(ctx, "abort"); err != nil {
			return err
		}
	}
	if err := p.quiet(ctx); err != nil || p.course.Difference.Found() {
		return err
	}
	now, err := p.lane.look(ctx)
	if err != nil {
		return err
	}
	p.course.Difference = compare.Compare(now)
	if now.Laid.Record != nil {
		p.course.Difference = compare.Difference{Aspect: compare.Left, Detail: "in the end\n"}
	}
	return nil
}
