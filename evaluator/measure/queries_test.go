package measure

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// metricsOfPlans are of every kind that has a query.
func metricsOfPlans() []v1alpha1.Metric {
	out := []v1alpha1.Metric{
		{Expect: "success >= 99%"}, {Expect: "P99 < 1s"}, {Expect: "success >= 99%", Per: v1alpha1.PerPod, PodLabel: "instance"},
		{Expect: "success >= 99%", Source: v1alpha1.SourceNGINXIngress}, {Expect: "P99 < 1s", Window: &metav1.Duration{Duration: 5 * time.Minute}},
		{Alerts: &v1alpha1.AlertWatch{}},
	}
	for _, text := range []string{
		`sum(rate(errors_total{ {{canary}} }[1m])) / sum(rate(requests_total{ {{canary}} }[5m]))`,
		`histogram_quantile(0.99, sum by (le) (rate(x_bucket{ {{canary}} }[{{window}}])))`,
		`x{ {{canary}}, le="0.5" } > on() group_left y{ {{stable}} }`,
		`avg(x{ {{baseline}} }) - avg(x{ {{canary}} } offset {{window}})`,
		`max_over_time(sum(x{ {{canary}} })[{{interval}}:10s])`,
		`x{namespace="{{namespace}}",pod=~"{{deployment}}-1-a"}`,
		`rate(x{ {{canary}} }[1h]) + rate(x{pod=~"web-1-a"}[1h])`, // what the first run's pods are, by chance
		`rate(x{ {{canary}} }[1h]) + rate(x{pod=~"standsforthecanary-pods"}[1h])`,
		`x{service="{{service}}"}`, `increase(x{ {{canary}} }[7m])`, `vector(1)`, `rate(x{ {{canary}} }[2h:1m])`,
	} {
		out = append(out, v1alpha1.Metric{Query: text}, v1alpha1.Metric{Query: text, Range: v1alpha1.Range{Max: new(1.0)}})
	}
	return out
}

// valuesOfRuns are those of some runs at some ages.
func valuesOfRuns() []query.Values {
	many := make([]string, 70)
	for i := range many {
		many[i] = fmt.Sprintf("web-4-x%d", i)
	}
	var out []query.Values
	for _, age := range []time.Duration{0, 20 * time.Second, 100 * time.Second, 5 * time.Hour} {
		for i, pods := range [][]string{{"web-1-a"}, {"web-2-a", "web-2-b"}, {}, many, nil, {"no-pod-of-it"}} {
			run, stable := fmt.Sprintf("web-%d", i+1), "web-stable"
			v := query.Values{
				Namespace: "shop", Deployment: "web", Canary: []string{run}, Stable: []string{stable}, Interval: 30 * time.Second, Age: age,
				PodNames: map[string][]string{stable: {"web-stable-a"}},
			}
			if i != 4 {
				v.PodNames[run] = pods
			}
			switch i {
			case 0:
				v.Service, v.Baseline, v.PodNames["web-1-b"] = "web", []string{"web-1-b"}, []string{"web-1-b-x"}
			case 1:
				v.Deployment = "api"
				v.Labels = query.Labels{Namespace: "ns", Pod: "pod_name"}
			}
			out = append(out, v, v) // the second one finds what the first one has left
		}
		out = append(out, query.Values{Namespace: "standsforthecanary-pods", Deployment: "web", Canary: []string{"web-1"}, PodNames: map[string][]string{"web-1": {"web-1-a"}}, Age: age, Interval: 30 * time.Second})
	}
	return out
}

// TestWhatIsRememberedIsWhatIsRendered: of every metric, for every run at every age, whatever was rendered
// before.
func TestWhatIsRememberedIsWhatIsRendered(t *testing.T) {
	var q Queries
	rendered := 0
	for _, m := range metricsOfPlans() {
		for _, v := range valuesOfRuns() {
			fresh, err := query.TemplateOf(m, v.Labels.Pod)
			if err != nil {
				t.Fatal(err)
			}
			known, err := q.template(m, v.Labels.Pod)
			if err != nil || known.String() != fresh.String() {
				t.Fatalf("%v is read as %s: %v", m, known.String(), err)
			}
			v.Window = query.WindowOf(m, v.Interval)
			want, wantErr := renderQuery(m, fresh, v, 15*time.Second)
			got, err := q.render(m, known, v, 15*time.Second)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%s for %v: %v, want %v", fresh.String(), v, err, wantErr)
			}
			if diff := cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)); wantErr == nil && diff != "" {
				t.Errorf("%s for %v:\n%s", fresh.String(), v, diff)
			}
			if wantErr == nil {
				rendered++
			}
		}
	}
	if n := len(q.rendered.of); rendered < 1000 || n == 0 || n > rendered/3 {
		t.Errorf("%d were rendered, %d are remembered", rendered, n)
	}
}

// TestARunThatIsOldEnoughRendersNothing: nor does one of another Deployment with the same plan.
func TestARunThatIsOldEnoughRendersNothing(t *testing.T) {
	var q Queries
	m := v1alpha1.Metric{Query: `sum(rate(x{ {{canary}} }[1m]))`}
	for i := range 100 {
		run := fmt.Sprintf("web-%d", i)
		v := query.Values{Namespace: "shop", Deployment: "of-" + run, Canary: []string{run}, PodNames: map[string][]string{run: {run + "-a"}}, Interval: time.Second, Age: time.Hour + time.Duration(i)*time.Second}
		v.Window = query.WindowOf(m, v.Interval)
		template, err := q.template(m, "pod")
		if err != nil {
			t.Fatal(err)
		}
		out, err := q.render(m, template, v, time.Second)
		if err != nil || !strings.Contains(out.text, run+"-a") {
			t.Fatalf("%q: %v", out.text, err)
		}
	}
	if len(q.templates.of) != 1 || len(q.rendered.of) != 1 {
		t.Errorf("%d queries were read and %d rendered, want one", len(q.templates.of), len(q.rendered.of))
	}
}

func TestQueriesRememberSoMuch(t *testing.T) {
	var q Queries
	for i := range 700 {
		m := v1alpha1.Metric{Query: fmt.Sprintf(`sum(x{ {{canary}}, a="%d%s" })`, i, strings.Repeat("x", 4000))}
		template, err := q.template(m, "pod")
		if err != nil {
			t.Fatal(err)
		}
		v := query.Values{Namespace: "shop", Deployment: "web", Canary: []string{"web-1"}, PodNames: map[string][]string{"web-1": {"web-1-a"}}, Age: time.Hour}
		if _, err := q.render(m, template, v, time.Second); err != nil {
			t.Fatal(err)
		}
		if q.templates.size > knownQueries || q.cuts.size > knownQueries || q.rendered.size > knownQueries {
			t.Fatalf("%d, %d and %d bytes are remembered", q.templates.size, q.cuts.size, q.rendered.size)
		}
	}
	if n := len(q.rendered.of); n == 0 || n > 600 {
		t.Errorf("%d are remembered", n)
	}
}

// BenchmarkRender is what it takes to render the query of one of many runs of a plan.
func BenchmarkRender(b *testing.B) {
	m := v1alpha1.Metric{
		Query: `histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{ {{canary}} }[1m])))`,
		Range: v1alpha1.Range{Max: new(0.5)},
	}
	values := func(i int) query.Values {
		run := fmt.Sprintf("web-%d-5d4f8", i%100)
		return query.Values{
			Namespace: "shop", Deployment: run, Canary: []string{run}, PodNames: map[string][]string{run: {run + "-2xk9c"}},
			Interval: 10 * time.Second, Window: 2 * time.Minute, Age: time.Hour,
		}
	}
	for name, isShared := range map[string]bool{"each time": false, "once a plan": true} {
		b.Run(name, func(b *testing.B) {
			q := &Queries{}
			for i := 0; b.Loop(); i++ {
				if !isShared {
					q = &Queries{}
				}
				template, err := q.template(m, "pod")
				if err != nil {
					b.Fatal(err)
				}
				if isShared {
					_, err = q.render(m, template, values(i), 15*time.Second)
				} else {
					_, err = renderQuery(m, template, values(i), 15*time.Second)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
