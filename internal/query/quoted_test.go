package query

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ofOTel are the values of a run whose pods are known by names that have dots.
func ofOTel() Values {
	v := samples
	v.Namespace, v.Canary, v.PodNames = "shop", []string{"web-1"}, map[string][]string{"web-1": {"web-1-a", "web-1-b"}}
	v.Labels = Labels{Namespace: "k8s.namespace.name", Pod: "k8s.pod.name"}
	return v
}

func TestLabelsWithDotsStandInQuotes(t *testing.T) {
	const pods = `"k8s.namespace.name"="shop","k8s.pod.name"=~"web-1-(?:a|b)"`
	for _, tc := range []struct{ name, query, want string }{
		{"beside a metric", `max(queue{ {{canary}} })`, `max(queue{ ` + pods + ` })`},
		{"beside a metric with dots", `max({"http.server.active_requests", {{canary}}})`, `max({"http.server.active_requests", ` + pods + `})`},
		{"behind another matcher", `max(queue{"http.route"="/", {{canary}} })`, `max(queue{"http.route"="/", ` + pods + ` })`},
		{
			"of the info that names the pods", `sum(rate(x_total[1m]) * on (job, instance) group_left () target_info{ {{canary}} })`,
			`sum(rate(x_total[1m]) * on (job, instance) group_left () target_info{ ` + pods + ` })`,
		},
	} {
		template, err := Parse(tc.query)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		got, err := template.Render(ofOTel())
		if err != nil || got != tc.want {
			t.Errorf("%s: %s, %v", tc.name, got, err)
			continue
		}
		expr, err := promQL.ParseExpr(got)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
			continue
		}
		if !hasPods(expr) {
			t.Errorf("%s: no selector has the pods: %s", tc.name, got)
		}
	}
}

func hasPods(expr parser.Expr) bool {
	for _, s := range selectors(expr) {
		for _, m := range s.LabelMatchers {
			if m.Name == "k8s.pod.name" && m.Type == labels.MatchRegexp && m.Matches("web-1-a") && !m.Matches("web-1-c") {
				return true
			}
		}
	}
	return false
}

func TestNoPodsByALabelWithDotsSelectNothing(t *testing.T) {
	template, err := Parse(`max(queue{ {{canary}} })`)
	if err != nil {
		t.Fatal(err)
	}
	v := ofOTel()
	v.Canary = nil
	if got, err := template.Render(v); err != nil || got != `max(queue{ "k8s.namespace.name"="shop","k8s.pod.name"!~".*" })` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestWindowsAreCutByALabelWithDotsToo(t *testing.T) {
	template, err := Parse(`sum(rate(x_total{ {{canary}} }[5m]))`)
	if err != nil {
		t.Fatal(err)
	}
	v := ofOTel()
	v.Age = time.Minute
	if got, err := template.Render(v); err != nil || !strings.HasSuffix(got, "[1m]))") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestBuiltInQueriesOfEachPodByALabelWithDots(t *testing.T) {
	for _, expect := range []string{"success >= 99%", "P90 < 300ms"} {
		m := v1alpha1.Metric{Name: "x", Expect: expect, Per: v1alpha1.PerPod, StatusLabel: map[bool]string{true: "http.response.status_code"}[strings.HasPrefix(expect, "s")]}
		template, err := TemplateOf(m, "k8s.pod.name")
		if err != nil {
			t.Errorf("%s: %v", expect, err)
			continue
		}
		if got, err := template.Render(ofOTel()); err != nil || !strings.Contains(got, `by ("k8s.pod.name"`) {
			t.Errorf("%s: %s, %v", expect, got, err)
		}
	}
	if _, err := ExamplesOf(v1alpha1.Metric{Name: "x", Expect: "success >= 99%", StatusLabel: "http.response.status_code"}, "k8s.pod.name"); err != nil {
		t.Errorf("the examples: %v", err)
	}
}

func TestQueriesWithLabelsWithDotsAreAskedTogether(t *testing.T) {
	const mine = `sum by ("http.route") (rate(x_total{"k8s.namespace.name"="shop","k8s.pod.name"=~"web-1-(?:a|b)"}[1m]))`
	others := strings.ReplaceAll(mine, "web-1", "api-2")
	batcher := NewBatcher("k8s.pod.name")
	for range 2 { // the second time it is known
		b, ok := batcher.Batch(mine)
		if !ok {
			t.Fatal("it is asked alone")
		}
		if got, ok := b.Select(mine, "k8s.pod.name", "api-2-(?:a|b)"); !ok || got != others {
			t.Errorf("for the other canary: %s", got)
		}
		joined := b.Join([]string{"web-1-(?:a|b)", "api-2-(?:a|b)"})
		if _, err := promQL.ParseExpr(joined); err != nil || !strings.Contains(joined, `"http.route"`) || !strings.Contains(joined, `"k8s.pod.name", "(web-1-|api-2-)`) {
			t.Errorf("together: %s, %v", joined, err)
		}
	}
	if len(batcher.known) != 1 {
		t.Errorf("%d shapes are known", len(batcher.known))
	}
}
