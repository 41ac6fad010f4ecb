package past

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/internal/page"
	"holdfast.dev/holdfast/internal/query"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// server answers each query with one value, when it may.
type server struct {
	measure.Querier
	mu    sync.Mutex
	asked []string
	// hold is closed when answers may come, nil for at once; came gets each question first.
	hold chan struct{}
	came chan string
}

func (s *server) QueryRange(ctx context.Context, text string, _, to time.Time, _ time.Duration) (analysis.Answer, error) {
	s.mu.Lock()
	s.asked = append(s.asked, text)
	hold, came := s.hold, s.came
	s.mu.Unlock()
	if came != nil {
		came <- text
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return analysis.Answer{}, context.Cause(ctx)
		}
	}
	return analysis.Answer{Series: []analysis.Series{{Labels: "{}", Samples: []analysis.Sample{{Time: to, Value: 7}}}}}, nil
}

func (s *server) questions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func runOf(uid string, metrics ...string) *v1alpha1.CanaryRun {
	ready := metav1.NewTime(noon.Add(-time.Hour))
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: uid, UID: types.UID(uid)}}
	run.Spec.Plan = &v1alpha1.CanaryPlanSpec{Analysis: v1alpha1.Analysis{Endpoint: "team"}}
	run.Status.ReadyAt = &ready
	for _, name := range metrics {
		run.Spec.Plan.Analysis.Metrics = append(run.Spec.Plan.Analysis.Metrics, v1alpha1.Metric{Name: name, Query: name})
		run.Status.Metrics = append(run.Status.Metrics, v1alpha1.MetricStatus{Name: name, Last: []v1alpha1.Measurement{{Time: metav1.NewTime(noon), Query: name}}})
	}
	return run
}

// asking is an Asker of a server, and the clock by which it goes.
func asking(s *server) (*Asker, *clocktesting.FakeClock) {
	clock := clocktesting.NewFakeClock(noon)
	return New(Options{
		Clock: clock,
		Matchers: func(_ context.Context, namespace string) ([]string, error) {
			return []string{`team="` + namespace + `"`}, nil
		},
		Endpoints: func(namespace, name string, matchers []string) (measure.Endpoint, error) {
			if namespace != "shop" || name != "team" || fmt.Sprint(matchers) != `[team="shop"]` {
				return measure.Endpoint{}, fmt.Errorf("%s asks for %q with %v", namespace, name, matchers)
			}
			return measure.Endpoint{Querier: s, Labels: query.Labels{Pod: "pod"}}, nil
		},
	}), clock
}

func TestARunIsAskedAboutOnceForAllTabs(t *testing.T) {
	s := &server{hold: make(chan struct{}), came: make(chan string, 1)}
	a, clock := asking(s)
	run := runOf("a", "m")
	answers := make(chan error, 3)
	look := func() {
		got, err := a.Earlier(t.Context(), run)
		if err == nil && (len(got) != 1 || len(got[0].Rounds) != 1 || *got[0].Rounds[0].Value != 7) {
			err = fmt.Errorf("shown: %+v", got)
		}
		answers <- err
	}
	go look()
	<-s.came // it is under way
	go look()
	go look()
	close(s.hold)
	for range 3 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	clock.Step(fresh - time.Second)
	look()
	if err := <-answers; err != nil || len(s.questions()) != 1 {
		t.Errorf("%v; asked %v", err, s.questions())
	}
	clock.Step(time.Second)
	go look()
	<-s.came
	if err := <-answers; err != nil || len(s.questions()) != 2 {
		t.Errorf("when it is old: %v; asked %v", err, s.questions())
	}
}

func TestMoreRunsThanMayBeAskedAboutAtOnceComeAgain(t *testing.T) {
	s := &server{hold: make(chan struct{}), came: make(chan string, atOnce+1)}
	a, _ := asking(s)
	var wait sync.WaitGroup
	for i := range atOnce {
		wait.Go(func() {
			if _, err := a.Earlier(t.Context(), runOf(fmt.Sprint(i), "m")); err != nil {
				t.Error(err)
			}
		})
		<-s.came
	}
	late := runOf("late", "m")
	if _, err := a.Earlier(t.Context(), late); !errors.Is(err, page.ErrBusy) {
		t.Errorf("one too many: %v", err)
	}
	close(s.hold)
	wait.Wait()
	if got, err := a.Earlier(t.Context(), late); err != nil || len(got) != 1 {
		t.Errorf("later: %v, %v", got, err)
	}
}

// TestATabThatGoesDoesNotEndWhatOthersWaitFor.
func TestATabThatGoesDoesNotEndWhatOthersWaitFor(t *testing.T) {
	s := &server{hold: make(chan struct{}), came: make(chan string, 1)}
	a, _ := asking(s)
	run := runOf("a", "m")
	ctx, leave := context.WithCancel(t.Context())
	first := make(chan struct{})
	go func() {
		defer close(first)
		_, _ = a.Earlier(ctx, run)
	}()
	<-s.came
	leave()
	close(s.hold)
	if got, err := a.Earlier(t.Context(), run); err != nil || len(got) != 1 || len(got[0].Rounds) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	<-first
}

func TestWhyThereAreNoValuesIsSaidByMetric(t *testing.T) {
	a, _ := asking(&server{})
	a.Endpoints = func(string, string, []string) (measure.Endpoint, error) {
		return measure.Endpoint{}, errors.New("no such endpoint")
	}
	got, err := a.Earlier(t.Context(), runOf("a", "m", "n"))
	if err != nil || len(got) != 2 || !strings.Contains(got[0].Says, "no such endpoint") || !strings.Contains(got[1].Says, "no such endpoint") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestWhatIsKeptIsBounded: by the number of runs, and by that of their values.
func TestWhatIsKeptIsBounded(t *testing.T) {
	s := &server{}
	a, clock := asking(s)
	for i := range 3 * mostKept {
		clock.Step(time.Millisecond)
		if _, err := a.Earlier(t.Context(), runOf(fmt.Sprint(i), "m")); err != nil {
			t.Fatal(err)
		}
	}
	if len(a.kept) != mostKept || a.kept[types.UID(fmt.Sprint(3*mostKept-1))] == nil {
		t.Errorf("%d runs are kept", len(a.kept))
	}
	for _, of := range a.kept {
		of.values = mostValues / 2
	}
	if _, err := a.Earlier(t.Context(), runOf("more", "m")); err != nil {
		t.Fatal(err)
	}
	if len(a.kept) != 2 { // one of the large ones, and this
		t.Errorf("%d runs are kept, though large", len(a.kept))
	}
	clock.Step(fresh)
	if _, err := a.Earlier(t.Context(), runOf("last", "m")); err != nil {
		t.Fatal(err)
	}
	if len(a.kept) != 1 {
		t.Errorf("%d runs are kept when the others are old", len(a.kept))
	}
}
