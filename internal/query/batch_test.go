package query

import (
	"strings"
	"testing"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestBatchOf(t *testing.T) {
	const a = `pod=~"web-1-[a-z0-9]+"`
	for name, tc := range map[string]struct {
		query string
		want  string // what is asked for two, "" where it is asked alone
	}{
		"a sum of rates": {
			`sum(rate(x{` + a + `,code="5"}[1m]))`,
			`sum by (__holdfast_canary__) (label_replace(rate(x{code="5",pod=~"(?:web-1-[a-z0-9]+|web-2-[a-z0-9]+)"}[1m]), "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+"))`,
		},
		"a share": {
			`sum by (code) (x{` + a + `}) / on (code) group_left () max without (pod) (y{` + a + `})`,
			`sum by (code, __holdfast_canary__) (label_replace(x{pod=~"(?:web-1-[a-z0-9]+|web-2-[a-z0-9]+)"}, "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+")) / on (code, __holdfast_canary__) group_left () max without (pod) (label_replace(y{pod=~"(?:web-1-[a-z0-9]+|web-2-[a-z0-9]+)"}, "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+"))`,
		},
		"a subquery": {
			`max_over_time(sum(x{` + a + `})[5m:30s])`,
			`max_over_time(sum by (__holdfast_canary__) (label_replace(x{pod=~"(?:web-1-[a-z0-9]+|web-2-[a-z0-9]+)"}, "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+"))[5m:30s])`,
		},
		"a quantile and a constant": {
			`histogram_quantile(0.9, sum by (le) (rate(x_bucket{` + a + `}[1m]))) * (2 + 1)`,
			`histogram_quantile(0.9, sum by (le, __holdfast_canary__) (label_replace(rate(x_bucket{pod=~"(?:web-1-[a-z0-9]+|web-2-[a-z0-9]+)"}[1m]), "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+"))) * (2 + 1)`,
		},
		"pods that are known": {
			`sum(x{pod=~"web-1-(?:a|b)"}) / sum(y{pod=~"web-1-(?:a|b)"})`,
			`sum by (__holdfast_canary__) (label_replace(x{pod=~"(?:web-1-(?:a|b)|web-2-[a-z0-9]+)"}, "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+")) / sum by (__holdfast_canary__) (label_replace(y{pod=~"(?:web-1-(?:a|b)|web-2-[a-z0-9]+)"}, "__holdfast_canary__", "$1", "pod", "(web-1-|web-2-)[a-z0-9]+"))`,
		},
		"other pods of the same canary":       {`sum(x{pod=~"web-1-(?:a|b)"}) / sum(y{pod=~"web-1-c"})`, ""},
		"no canary":                           {`sum(x)`, ""},
		"a selector without the canary":       {`sum(x{` + a + `}) / sum(y)`, ""},
		"two canaries":                        {`sum(x{` + a + `}) / sum(x{pod=~"web-3-[a-z0-9]+"})`, ""},
		"pods by another pattern":             {`sum(x{pod=~"web-.*"})`, ""},
		"pods of several ReplicaSets":         {`sum(x{pod=~"(?:web-1-|web-2-)[a-z0-9]+"})`, ""},
		"pods by name of several ReplicaSets": {`sum(x{pod=~"(?:web-1-a|web-2-b)"})`, ""},
		"pods by name":                        {`sum(x{pod="web-1-a"})`, ""},
		"not these pods":                      {`sum(x{pod!~"web-1-[a-z0-9]+"})`, ""},
		"a name that was cut short":           {`sum(x{pod=~"web-1[a-z0-9]+"})`, ""},
		"a scalar":                            {`scalar(x{` + a + `})`, ""},
		"scalar within":                       {`sum(x{` + a + `}) * scalar(sum(x{` + a + `}))`, ""},
		"absent":                              {`absent(x{` + a + `})`, ""},
		"or vector":                           {`sum(x{` + a + `}) or vector(0)`, ""},
		"timestamp":                           {`timestamp(x{` + a + `})`, ""},
		"topk":                                {`topk(1, x{` + a + `})`, ""},
		"label_replace":                       {`label_replace(x{` + a + `}, "a", "b", "c", "d")`, ""},
		"the time":                            {`sum(x{` + a + `}) - time()`, ""},
		"a parameter that depends on series":  {`quantile(scalar(y{` + a + `}), x{` + a + `})`, ""},
		"the label by which it is split":      {`sum by (__holdfast_canary__) (x{` + a + `})`, ""},
		"experiments":                         {`sum(rate(x{` + a + `}[1m] smoothed))`, ""},
		"no PromQL":                           {`sum(`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if b, ok := BatchOf(tc.query, "pod"); ok {
				if b.Prefix != "web-1-" {
					t.Errorf("prefix %q", b.Prefix)
				}
				if PrefixOf(b.Pods) != b.Prefix {
					t.Errorf("the pattern %q has the prefix %q", b.Pods, PrefixOf(b.Pods))
				}
				got = b.Join([]string{b.Pods, "web-2-[a-z0-9]+"})
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

func TestTheQueryOfAnotherCanary(t *testing.T) {
	for name, tc := range map[string]struct{ query, want string }{
		"every pattern is replaced": {
			`x{pod=~"web-1-[a-z0-9]+"} / x{ a="b", pod=~"web-1-[a-z0-9]+" }`, `x{pod=~"api.2-(?:c|d)"} / x{ a="b", pod=~"api.2-(?:c|d)" }`,
		},
		"pods that are known":                                {`x{pod=~"web-1-(?:a|b)"}`, `x{pod=~"api.2-(?:c|d)"}`},
		"a pattern of something else makes it another shape": {`x{pod=~"web-1-[a-z0-9]+",name=~"web-1-[a-z0-9]+"}`, ""},
		"other quotes are not known":                         {`x{pod=~'web-1-[a-z0-9]+'}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			b, ok := BatchOf(tc.query, "pod")
			if !ok {
				t.Fatal("it cannot be joined at all")
			}
			got, ok := b.Select(tc.query, "pod", "api[.]2-(?:c|d)")
			if want := strings.ReplaceAll(tc.want, "api.2", "api[.]2"); ok != (want != "") || ok && got != want {
				t.Errorf("got %s, %t, want %s", got, ok, want)
			}
		})
	}
}

func TestAFamilyHasAllWindows(t *testing.T) {
	a, _ := BatchOf(`sum(rate(x{pod=~"web-1-[a-z0-9]+",code=~"[45].."}[10s]))`, "pod")
	b, _ := BatchOf(`sum(rate(x{pod=~"web-2-[a-z0-9]+",code=~"[45].."}[5m]))`, "pod")
	if a.Shape == b.Shape || a.Group != b.Group || a.Group == "" {
		t.Errorf("got %+v, %+v", a, b)
	}
}

// FuzzBatchOf: nothing panics, what can be taken apart can be joined, and
// queries of two canaries have one shape.
func FuzzBatchOf(f *testing.F) {
	for _, seed := range []string{
		`sum(rate(x{ {{canary}}, code="5" }[1m])) / sum(rate(x{ {{canary}} }[1m]))`, `-x{ {{canary}} } offset 5m or y{ {{canary}} } @ 3`,
		`max_over_time(sum by (a) (x{ {{canary}} })[5m:30s]) > bool 3`, `stddev without () (abs(x{ {{canary}} }))`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := Parse(text)
		if err != nil {
			return
		}
		var shapes []string
		for _, name := range []string{"web-1", "web.2"} {
			rendered, err := template.Render(Values{
				Namespace: "shop", Deployment: "web", Service: "web", Canary: []string{name}, Stable: []string{"web-0"}, Interval: sampleInterval,
				PodNames: map[string][]string{"web.2": {"web.2-b", "web.2-a"}},
			})
			if err != nil {
				return
			}
			if b, ok := BatchOf(rendered, "pod"); ok {
				joined := b.Join([]string{"web-1-[a-z0-9]+", "web[.]2-(?:a|b)"})
				if _, err := check(joined); err != nil || joined == "" {
					t.Fatalf("%q joins to %q: %v", rendered, joined, err)
				}
				shapes = append(shapes, b.Shape)
			}
		}
		if len(shapes) == 1 || len(shapes) == 2 && shapes[0] != shapes[1] {
			t.Fatalf("%q has the shapes %q", text, shapes)
		}
	})
}

// The queries that most plans have are asked for all canaries at once, however
// young they are.
func TestBuiltInQueriesAreJoined(t *testing.T) {
	for _, expect := range []string{"success >= 99%", "P99 < 1s"} {
		template, err := TemplateOf(v1alpha1.Metric{Expect: expect}, "pod")
		if err != nil {
			t.Fatal(err)
		}
		groups := map[string]bool{}
		for _, window := range []time.Duration{30 * time.Second, 2 * time.Minute} {
			text, err := template.Render(Values{Namespace: "shop", Deployment: "web", Canary: []string{"web-1"}, Window: window})
			if err != nil {
				t.Fatal(err)
			}
			b, ok := BatchOf(text, "pod")
			if !ok || b.Join([]string{"web-1-[a-z0-9]+", "web-2-[a-z0-9]+"}) == "" {
				t.Errorf("%s is asked alone: %s", expect, text)
			}
			groups[b.Group] = true
		}
		if len(groups) != 1 {
			t.Errorf("%s with two windows is of %d groups", expect, len(groups))
		}
	}
}
