package measure

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	web  = types.NamespacedName{Namespace: "shop", Name: "web-1"}
)

// slow is a Prometheus that answers when it is told to, a mebibyte.
type slow struct {
	*Rounds
	answer chan *lifecycle.Round
	woken  chan types.NamespacedName
}

func newSlow() *slow {
	s := &slow{Rounds: NewRounds(), answer: make(chan *lifecycle.Round), woken: make(chan types.NamespacedName, 1)}
	s.observe = func(ctx context.Context, _ Subject, _ Lookup, _ time.Time, budget *Reservation) (*lifecycle.Round, error) {
		select {
		case round := <-s.answer:
			return round, budget.Take(mebi)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	s.Wake = func(run types.NamespacedName) { s.woken <- run }
	return s
}

// readySince is a run whose pods have been Ready since a time.
func readySince(uid types.UID, readyAt time.Time) Subject {
	ready := metav1.NewTime(readyAt)
	s := Subject{Run: web, UID: uid}
	s.Status.Step = &v1alpha1.StepStatus{Number: 1, ReadyAt: &ready}
	return s
}

// A worker goes on while Prometheus thinks; one round is asked for, and the run
// is looked at when it is there.
func TestARoundIsMeasuredBesideTheWorkers(t *testing.T) {
	s, run, round := newSlow(), readySince("a", noon), &lifecycle.Round{At: noon}
	for range 3 {
		s.Start(t.Context(), run, nil, noon, nil)
		if got, _ := s.Take(run); got != nil {
			t.Fatalf("a round before there is an answer: %v", got)
		}
	}
	s.answer <- round
	if woken := <-s.woken; woken != web {
		t.Errorf("looked at %v", woken)
	}
	got, release := s.Take(run)
	if got != round || s.budget.taken != mebi {
		t.Errorf("took %v, and the budget has %d bytes", got, s.budget.taken)
	}
	if release(); s.budget.taken != 0 {
		t.Errorf("%d bytes are kept", s.budget.taken)
	}
	if got, _ := s.Take(run); got != nil || len(s.of) != 0 {
		t.Errorf("took %v twice; %d are left", got, len(s.of))
	}
	select {
	case s.answer <- round:
		t.Error("a second round was asked for")
	default:
	}
}

func TestARoundOfOtherPodsIsDropped(t *testing.T) {
	for name, now := range map[string]Subject{
		"a run of the same name":    readySince("b", noon),
		"the next step or attempt":  readySince("a", noon.Add(time.Second)),
		"a status without its step": {Run: web, UID: "a"},
	} {
		s := newSlow()
		s.Start(t.Context(), readySince("a", noon), nil, noon, nil)
		s.answer <- &lifecycle.Round{At: noon}
		<-s.woken
		if got, _ := s.Take(now); got != nil || len(s.of) != 0 || len(s.budget.of) != 0 {
			t.Errorf("%s: took %v; %d are left", name, got, len(s.of))
		}
	}
}

// What is measured of a run that went meanwhile, or when the leader stops, is
// not kept.
func TestARoundOfNobodyIsForgotten(t *testing.T) {
	s, run := newSlow(), readySince("a", noon)
	ctx, stop := context.WithCancelCause(t.Context())
	s.Start(ctx, run, nil, noon, nil)
	if s.Forget(web); len(s.of) != 1 {
		t.Fatal("a round under way was forgotten: a second could start beside it")
	}
	stop(errors.New("the lease is lost"))
	<-s.woken
	got, release := s.Take(run)
	if release(); got != nil {
		t.Errorf("took %v", got)
	}
	s.Start(ctx, run, nil, noon, nil)
	<-s.woken
	if s.Forget(web); len(s.of) != 0 || len(s.budget.of) != 0 {
		t.Error("the round of a run that is gone is kept")
	}
}
