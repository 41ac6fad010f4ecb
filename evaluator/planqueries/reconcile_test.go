package planqueries_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/planqueries"
	"holdfast.dev/holdfast/internal/listing/listingtest"
)

// prometheus answers queries by what stands in them.
type prometheus struct {
	answers map[string]analysis.Answer
	// newest is when the newest sample was taken; zero if it has none.
	newest time.Time

	mu    sync.Mutex
	asked []string
}

func (p *prometheus) Query(_ context.Context, query string, _ time.Time) (analysis.Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, query)
	if strings.HasPrefix(query, "max(timestamp(") {
		if p.newest.IsZero() {
			return analysis.Answer{Query: query}, nil
		}
		return analysis.Answer{Query: query, Series: []analysis.Series{{Value: float64(p.newest.Unix())}}}, nil
	}
	for part, answer := range p.answers {
		if strings.Contains(query, part) {
			answer.Query = query
			return answer, nil
		}
	}
	return analysis.Answer{Query: query}, nil
}

func (p *prometheus) QueryRange(ctx context.Context, query string, _, to time.Time, _ time.Duration) (analysis.Answer, error) {
	return p.Query(ctx, query, to)
}

func (p *prometheus) QuerySamples(ctx context.Context, query string, at time.Time) (analysis.Answer, error) {
	return p.Query(ctx, query, at)
}

func reconciler(c *evaluatortest.Cluster, p *prometheus) (*planqueries.Reconciler, *clocktesting.FakePassiveClock) {
	clock := clocktesting.NewFakePassiveClock(evaluatortest.Noon)
	cached := evaluatortest.Trimming{Reader: c.API}
	return &planqueries.Reconciler{
		Objects: &objects.Reader{Cached: cached, Live: listingtest.APIServer{Reader: c.API}, Key: evaluatortest.Key}, Writer: c.API, Clock: clock,
		Endpoints: func(string, string, []string) (measure.Endpoint, error) {
			if p == nil {
				return measure.Endpoint{}, errors.New("no Prometheus is configured: set --prometheus-url")
			}
			return measure.Endpoint{Name: "default", Querier: p, ScrapeInterval: time.Second}, nil
		},
		Pods: func(context.Context, objects.Deployment) (map[string][]string, error) {
			return map[string][]string{"web-1": {"web-1-a", "web-1-b"}}, nil
		},
	}, clock
}

// soonAgain is after how long a plan is asked about again.
const soonAgain = 30 * time.Second

var theDefault = ctrl.Request{NamespacedName: types.NamespacedName{Namespace: evaluatortest.Namespace, Name: "default"}}

func look(t *testing.T, c *evaluatortest.Cluster, r *planqueries.Reconciler) (v1alpha1.CanaryPlanStatus, metav1.Condition, time.Duration) {
	t.Helper()
	result, err := r.Reconcile(t.Context(), theDefault)
	if err != nil {
		t.Fatal(err)
	}
	p := &v1alpha1.CanaryPlan{}
	if err := c.API.Get(t.Context(), theDefault.NamespacedName, p); err != nil {
		t.Fatal(err)
	}
	condition := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionQueriesAnswered)
	if condition == nil {
		t.Fatalf("no condition in %+v", p.Status)
	}
	return p.Status, *condition, result.RequeueAfter
}

var metrics = []v1alpha1.Metric{
	{Name: "errors", Query: `sum(rate(errors_total{ {{canary}} }[1m]))`, Range: v1alpha1.Range{Max: new(0.1)}},
	{Name: "probed", Expect: "success >= 99%", Source: v1alpha1.SourceProbe}, // which nobody is asked about
	{Name: "queue", Query: `max(queue_length{ {{canary}}, service="{{service}}" })`, Range: v1alpha1.Range{Max: new(5.0)}},
}

func TestAPlanSaysHowItsQueriesAreAnswered(t *testing.T) {
	one := analysis.Answer{Type: "vector", Series: []analysis.Series{{Labels: `{code="200"}`, Value: 0.25}}}
	for name, tc := range map[string]struct {
		answers map[string]analysis.Answer
		without bool // a Prometheus
		status  metav1.ConditionStatus
		reason  string
		says    string
		again   time.Duration
	}{
		"all are answered":       {map[string]analysis.Answer{"errors_total": one, "queue_length": one}, false, metav1.ConditionTrue, v1alpha1.ReasonAnswered, "all queries are answered, asked of the pods of Deployment web", 0},
		"one finds nothing":      {map[string]analysis.Answer{"errors_total": one}, false, metav1.ConditionTrue, v1alpha1.ReasonAnswered, "without a series for queue", soonAgain},
		"one is refused":         {map[string]analysis.Answer{"errors_total": one, "queue_length": {Error: "bad_data: unknown function"}}, false, metav1.ConditionFalse, v1alpha1.ReasonNotAnswered, "queue: bad_data: unknown function", soonAgain},
		"one is of another type": {map[string]analysis.Answer{"queue_length": {WrongType: "string"}}, false, metav1.ConditionFalse, v1alpha1.ReasonNotAnswered, "queue: the answer is string", soonAgain},
		"there is nobody to ask": {nil, true, metav1.ConditionFalse, v1alpha1.ReasonNotAnswered, "set --prometheus-url", soonAgain},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.JudgeBy(metrics...)
			p := &prometheus{answers: tc.answers}
			if tc.without {
				p = nil
			}
			r, _ := reconciler(c, p)
			status, condition, again := look(t, c, r)
			if condition.Status != tc.status || condition.Reason != tc.reason || !strings.Contains(condition.Message, tc.says) || again != tc.again {
				t.Errorf("%s %s: %s; again after %s", condition.Status, condition.Reason, condition.Message, again)
			}
			if len(status.Queries) != 2 {
				t.Errorf("there are answers to %d queries: %+v", len(status.Queries), status.Queries)
			}
			if !tc.without && !strings.Contains(strings.Join(p.asked, "\n"), `pod=~"web-1-(?:a|b)"`) {
				t.Errorf("asked was %q", p.asked)
			}
			if p != nil && !strings.Contains(strings.Join(p.asked, "\n"), `service="web"`) {
				t.Errorf("asked was %q", p.asked)
			}
			if first := status.Queries[0]; tc.status == metav1.ConditionTrue && (first.Example != `{code="200"} 0.25` || first.Type != "vector") {
				t.Errorf("the first is %+v", first)
			}
		})
	}
}

// A plan is asked about once, and again while it is not answered, for the endpoint may have been away.
func TestWhenAPlanIsAskedAbout(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(metrics...)
	p := &prometheus{answers: map[string]analysis.Answer{"errors_total": {Error: "no answer within 10s"}}}
	r, clock := reconciler(c, p)
	look(t, c, r)
	asked := len(p.asked)
	if _, _, again := look(t, c, r); len(p.asked) != asked || again != soonAgain {
		t.Errorf("a moment later it is asked about again: %d queries; then after %s", len(p.asked)-asked, again)
	}
	clock.SetTime(clock.Now().Add(soonAgain))
	p.answers = nil
	if _, condition, again := look(t, c, r); condition.Status != metav1.ConditionTrue || again != soonAgain {
		t.Errorf("when the endpoint is back, and has nothing yet: %+v, again after %s", condition, again)
	}
	clock.SetTime(clock.Now().Add(soonAgain))
	one := analysis.Answer{Series: []analysis.Series{{Value: 0.01}}}
	p.answers = map[string]analysis.Answer{"errors_total": one, "queue_length": one}
	if _, condition, again := look(t, c, r); strings.Contains(condition.Message, "without a series") || again != 0 {
		t.Errorf("when the pods have been scraped: %+v, again after %s", condition, again)
	}
	asked = len(p.asked)
	clock.SetTime(clock.Now().Add(time.Hour))
	if look(t, c, r); len(p.asked) != asked {
		t.Errorf("an hour later it is asked about again: %q", p.asked[asked:])
	}
}

// What counts failures finds nothing for ever: it is asked for ten minutes, and left.
func TestAPlanThatFindsNothingIsLeftInTheEnd(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(metrics...)
	p := &prometheus{}
	r, clock := reconciler(c, p)
	for range 20 {
		asked := len(p.asked)
		if _, _, again := look(t, c, r); again != soonAgain || len(p.asked) == asked {
			t.Fatalf("at %s it is asked about again after %s", clock.Now(), again)
		}
		clock.SetTime(clock.Now().Add(soonAgain))
	}
	asked := len(p.asked)
	if _, _, again := look(t, c, r); again != 0 || len(p.asked) != asked {
		t.Errorf("after ten minutes it is asked about again after %s: %q", again, p.asked[asked:])
	}
}

func TestAPlanThatNobodyHas(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	c.JudgeBy(metrics...)
	c.AnnotateDeployment(map[string]string{v1alpha1.PlanAnnotation: "other"})
	p := &prometheus{}
	r, _ := reconciler(c, p)
	if _, condition, _ := look(t, c, r); condition.Status != metav1.ConditionTrue || !strings.Contains(condition.Message, "no Deployment has this plan") {
		t.Errorf("%+v", condition)
	}
	if len(p.asked) == 0 {
		t.Error("nothing was asked")
	}
	c.EditAnalysis(func(a *v1alpha1.Analysis) { a.Metrics = nil })
	p.asked = nil
	plan := &v1alpha1.CanaryPlan{}
	if err := c.API.Get(t.Context(), theDefault.NamespacedName, plan); err != nil {
		t.Fatal(err)
	}
	plan.Generation++
	if err := c.API.Update(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if _, condition, _ := look(t, c, r); condition.Reason != v1alpha1.ReasonNoQueries || len(p.asked) > 0 {
		t.Errorf("without metrics: %+v, asked %q", condition, p.asked)
	}
}

// Samples that come late are told of though the queries are answered: the pods that are asked about have been
// there all the while.
func TestAPlanSaysThatSamplesComeLate(t *testing.T) {
	one := analysis.Answer{Series: []analysis.Series{{Labels: `{}`, Value: 0.01}}}
	for name, tc := range map[string]struct {
		newest        time.Time
		says, saysNot string
	}{
		"in time":         {evaluatortest.Noon.Add(-time.Second), "all queries are answered", "late"},
		"nobody knows":    {time.Time{}, "all queries are answered", "late"},
		"41 s late":       {evaluatortest.Noon.Add(-41 * time.Second), "the newest is 41s old and delay is 0s: set delay: 45s for endpoint default", ""},
		"at a standstill": {evaluatortest.Noon.Add(-time.Hour), "nothing new comes to endpoint default", "set delay"},
	} {
		t.Run(name, func(t *testing.T) {
			c := evaluatortest.NewCluster(t)
			c.JudgeBy(metrics...)
			p := &prometheus{answers: map[string]analysis.Answer{"errors_total": one, "queue_length": one}, newest: tc.newest}
			r, _ := reconciler(c, p)
			_, condition, _ := look(t, c, r)
			if condition.Status != metav1.ConditionTrue || !strings.Contains(condition.Message, tc.says) || tc.saysNot != "" && strings.Contains(condition.Message, tc.saysNot) {
				t.Errorf("%s: %s", condition.Status, condition.Message)
			}
			want := `max(timestamp(errors_total{namespace="shop",pod=~"web-1-(?:a|b)"}) or timestamp(queue_length{`
			if last := p.asked[len(p.asked)-1]; !strings.HasPrefix(last, want) {
				t.Errorf("asked last was %q", last)
			}
		})
	}
}

// A plan does not cost its endpoint a query over days: what looks back farther than half an hour is named,
// and not asked.
func TestLongWindowsAreNotAsked(t *testing.T) {
	c := evaluatortest.NewCluster(t)
	long := v1alpha1.Metric{Name: "long", Query: `sum(increase(errors_total{ {{canary}} }[1h]))`, Range: v1alpha1.Range{Max: new(5.0)}}
	c.JudgeBy(metrics[0], long)
	p := &prometheus{answers: map[string]analysis.Answer{"errors_total": {Series: []analysis.Series{{Labels: `{}`, Value: 0.01}}}}}
	r, _ := reconciler(c, p)
	status, condition, _ := look(t, c, r)
	if condition.Status != metav1.ConditionTrue || !strings.Contains(condition.Message, "not asked, for it waits longer than 30m: long") {
		t.Errorf("%s: %s", condition.Status, condition.Message)
	}
	if said := strings.Join(p.asked, "\n"); len(status.Queries) != 1 || strings.Contains(said, "[1h]") {
		t.Errorf("answered are %+v, asked was\n%s", status.Queries, said)
	}
	c.EditAnalysis(func(a *v1alpha1.Analysis) { a.Metrics = []v1alpha1.Metric{long} })
	again := &v1alpha1.CanaryPlan{}
	if err := c.API.Get(t.Context(), theDefault.NamespacedName, again); err != nil {
		t.Fatal(err)
	}
	again.Generation++
	if err := c.API.Update(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if _, condition, _ := look(t, c, r); condition.Reason != v1alpha1.ReasonNoQueries || !strings.HasPrefix(condition.Message, "no query was asked; not asked") {
		t.Errorf("with that alone: %+v", condition)
	}
}
