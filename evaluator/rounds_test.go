package evaluator

import (
	"context"
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// slow is a Prometheus that answers when it is told to, a mebibyte.
type slow struct {
	rounds
	answer chan *lifecycle.Round
	woken  chan ctrl.Request
}

func newSlow() *slow {
	s := &slow{answer: make(chan *lifecycle.Round), woken: make(chan ctrl.Request, 1)}
	s.rounds = rounds{
		measure: func(ctx context.Context, _ observed, _ time.Time, answers *stay) (*lifecycle.Round, error) {
			select {
			case round := <-s.answer:
				return round, answers.take(mebi)
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			}
		},
		wake: func(r ctrl.Request) { s.woken <- r },
		of:   map[types.NamespacedName]*measuring{},
	}
	return s
}

// judged is a run whose pods have been Ready since a time.
func judged(uid types.UID, readyAt time.Time) observed {
	ready := metav1.NewTime(readyAt)
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web-1", UID: uid}}
	run.Status.Step = &v1alpha1.StepStatus{Number: 1, ReadyAt: &ready}
	return observed{run: run}
}

// A worker goes on while Prometheus thinks; one round is asked for, and the run
// is looked at when it is there.
func TestARoundIsMeasuredBesideTheWorkers(t *testing.T) {
	s, seen, round := newSlow(), judged("a", noon), &lifecycle.Round{At: noon}
	for range 3 {
		s.start(t.Context(), seen, noon)
		if got, _ := s.take(seen); got != nil {
			t.Fatalf("a round before there is an answer: %v", got)
		}
	}
	s.answer <- round
	if woken := <-s.woken; woken != request(namespace, "web-1") {
		t.Errorf("looked at %v", woken)
	}
	got, judged := s.take(seen)
	if got != round || s.room.taken != mebi {
		t.Errorf("took %v, and the room has %d bytes", got, s.room.taken)
	}
	if judged(); s.room.taken != 0 {
		t.Errorf("%d bytes are kept", s.room.taken)
	}
	if got, _ := s.take(seen); got != nil || len(s.of) != 0 {
		t.Errorf("took %v twice; %d are left", got, len(s.of))
	}
	select {
	case s.answer <- round:
		t.Error("a second round was asked for")
	default:
	}
}

func TestARoundOfOtherPodsIsDropped(t *testing.T) {
	for name, now := range map[string]observed{
		"a run of the same name":    judged("b", noon),
		"the next step or attempt":  judged("a", noon.Add(time.Second)),
		"a status without its step": {run: &v1alpha1.CanaryRun{ObjectMeta: judged("a", noon).run.ObjectMeta}},
	} {
		s := newSlow()
		s.start(t.Context(), judged("a", noon), noon)
		s.answer <- &lifecycle.Round{At: noon}
		<-s.woken
		if got, _ := s.take(now); got != nil || len(s.of) != 0 || len(s.room.of) != 0 {
			t.Errorf("%s: took %v; %d are left", name, got, len(s.of))
		}
	}
}

// What is measured of a run that went meanwhile, or when the leader stops, is
// not kept.
func TestARoundOfNobodyIsForgotten(t *testing.T) {
	s, seen := newSlow(), judged("a", noon)
	ctx, stop := context.WithCancelCause(t.Context())
	s.start(ctx, seen, noon)
	name := types.NamespacedName{Namespace: namespace, Name: "web-1"}
	if s.forget(name); len(s.of) != 1 {
		t.Fatal("a round under way was forgotten: a second could start beside it")
	}
	stop(errors.New("the lease is lost"))
	<-s.woken
	got, judged := s.take(seen)
	if judged(); got != nil {
		t.Errorf("took %v", got)
	}
	s.start(ctx, seen, noon)
	<-s.woken
	if s.forget(name); len(s.of) != 0 || len(s.room.of) != 0 {
		t.Error("the round of a run that is gone is kept")
	}
}
