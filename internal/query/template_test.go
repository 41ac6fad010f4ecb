package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var shop = Values{
	Namespace:  "shop",
	Deployment: "web.v1",
	Service:    "web",
	Canary:     []string{"web-abc"},
	Stable:     []string{"web-6d4f"},
	Interval:   90 * time.Second,
}

func TestRender(t *testing.T) {
	for name, tc := range map[string]struct {
		query  string
		values Values
		want   string
	}{
		"canary alone": {
			`up{ {{canary}} }`, shop,
			`up{ namespace="shop",pod=~"web-abc-[a-z0-9]+" }`,
		},
		"braces without a space": {
			`up{{{canary}}}`, shop,
			`up{namespace="shop",pod=~"web-abc-[a-z0-9]+"}`,
		},
		"white space in a placeholder": {
			`up{ {{  canary	}} }`, shop,
			`up{ namespace="shop",pod=~"web-abc-[a-z0-9]+" }`,
		},
		"with a matcher behind it": {
			`up{ {{canary}}, code=~"5.." }`, shop,
			`up{ namespace="shop",pod=~"web-abc-[a-z0-9]+", code=~"5.." }`,
		},
		"with a trailing comma": {
			`up{ code="5", {{stable}}, }`, shop,
			`up{ code="5", namespace="shop",pod=~"web-6d4f-[a-z0-9]+", }`,
		},
		"several stable ReplicaSets": {
			`up{ {{stable}} }`, Values{Namespace: "shop", Stable: []string{"a", "b.c"}},
			`up{ namespace="shop",pod=~"(?:a-|b[.]c-)[a-z0-9]+" }`,
		},
		"no stable ReplicaSet selects nothing": {
			`up{ {{stable}} }`, Values{Namespace: "shop"},
			`up{ namespace="shop",pod!~".*" }`,
		},
		"a long name is cut as the API server cuts it": {
			`up{ {{stable}} }`, Values{Namespace: "shop", Stable: []string{strings.Repeat("a", 70)}, PodNames: map[string][]string{
				strings.Repeat("a", 70): {strings.Repeat("a", 58) + "x7k2p", strings.Repeat("a", 58) + "b4c5d"},
			}},
			`up{ namespace="shop",pod=~"` + strings.Repeat("a", 58) + `(?:b4c5d|x7k2p)" }`,
		},
		"the longest name that is not cut": {
			`up{ {{stable}} }`, Values{Namespace: "shop", Stable: []string{strings.Repeat("a", 57)}},
			`up{ namespace="shop",pod=~"` + strings.Repeat("a", 57) + `-[a-z0-9]+" }`,
		},
		"pods that are known are named": {
			`up{ {{canary}} } / up{ {{baseline}} }`,
			Values{Namespace: "shop", Canary: []string{"web.v2"}, Baseline: []string{"web-b"}, PodNames: map[string][]string{
				"web.v2": {"web.v2-x7k2p", "web.v2-b4c5d", "web.v2-x7k2p"}, "web-b": {"web-b-zzzzz"},
			}},
			`up{ namespace="shop",pod=~"web[.]v2-(?:b4c5d|x7k2p)" } / up{ namespace="shop",pod=~"web-b-zzzzz" }`,
		},
		"of a ReplicaSet whose pods are known, and are none, nothing is selected": {
			`up{ {{canary}} }`, Values{Namespace: "shop", Canary: []string{"web"}, PodNames: map[string][]string{"web": nil}},
			`up{ namespace="shop",pod!~".*" }`,
		},
		"windows of known pods are cut to their age": {
			`rate(x{ {{canary}} }[5m])`,
			Values{Namespace: "shop", Canary: []string{"web"}, PodNames: map[string][]string{"web": {"web-a", "web-b"}}, Age: time.Minute},
			`rate(x{ namespace="shop",pod=~"web-(?:a|b)" }[1m])`,
		},
		"known pods beside others": {
			`up{ {{stable}} }`, Values{Namespace: "shop", Stable: []string{"a", "b", "c"}, PodNames: map[string][]string{"a": {"a-1"}}},
			`up{ namespace="shop",pod=~"(?:a-1|(?:b-|c-)[a-z0-9]+)" }`,
		},
		"label names can be set": {
			`up{ {{canary}} }`,
			Values{Namespace: "shop", Canary: []string{"web"}, Labels: Labels{Namespace: "kubernetes_namespace", Pod: "kubernetes_pod_name"}},
			`up{ kubernetes_namespace="shop",kubernetes_pod_name=~"web-[a-z0-9]+" }`,
		},
		"names in quotes": {
			`up{namespace="{{namespace}}",job='{{deployment}}',service=` + "`{{ service }}`}", shop,
			`up{namespace="shop",job='web.v1',service=` + "`web`}",
		},
		"a dot in a regular expression stands for itself": {
			`up{job=~"{{deployment}}-.*"}`, shop,
			`up{job=~"web[.]v1-.*"}`,
		},
		"interval": {
			`sum(rate(x{ {{canary}} }[{{interval}}]))`, shop,
			`sum(rate(x{ namespace="shop",pod=~"web-abc-[a-z0-9]+" }[1m30s]))`,
		},
		"a comment stays as it is": {
			"up{ {{canary}} } # not {{this}}", shop,
			`up{ namespace="shop",pod=~"web-abc-[a-z0-9]+" } # not {{this}}`,
		},
		"no placeholder": {`1`, shop, `1`},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Parse(tc.query)
			if err != nil {
				t.Fatalf("Parse: %v", err)
			}
			got, err := template.Render(tc.values)
			if err != nil {
				t.Fatalf("Render: %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		query  string
		values Values
		want   string
	}{
		"a name that would end the string": {
			`up{namespace="{{namespace}}"}`, Values{Namespace: `x"} or up{a="`}, "no name of an object",
		},
		"a namespace that would end the matcher": {
			`up{ {{canary}} }`, Values{Namespace: `x"`, Canary: []string{"a"}}, "no name of a namespace",
		},
		"a ReplicaSet that is a regular expression": {
			`up{ {{canary}} }`, Values{Namespace: "x", Canary: []string{".*"}}, "no name of a ReplicaSet",
		},
		"a ReplicaSet whose name is cut, and whose pods are not known": {
			`up{ {{stable}} }`, Values{Namespace: "x", Stable: []string{strings.Repeat("a", 58)}}, "its pods can only be named one by one",
		},
		"a pod that is not named as the ReplicaSet's": {
			`up{ {{canary}} }`, Values{Namespace: "x", Canary: []string{"a"}, PodNames: map[string][]string{"a": {"ab-c"}}}, "no name of a pod",
		},
		"a pod with no name": {
			`up{ {{canary}} }`, Values{Namespace: "x", Canary: []string{"a"}, PodNames: map[string][]string{"a": {"a-.*"}}}, "no name of a pod",
		},
		"a label that is none": {
			`up{ {{canary}} }`, Values{Namespace: "x", Canary: []string{"a"}, Labels: Labels{Pod: `a="b",c`}}, "no name of a Prometheus label",
		},
		"a service that is not there": {
			`up{service="{{service}}"}`, Values{Namespace: "x"}, ErrNoService.Error(),
		},
		"a regular expression that a name breaks": {
			`up{job=~"[n-{{deployment}}]"}`, Values{Deployment: "a"}, "rendered query",
		},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Parse(tc.query)
			if err != nil {
				t.Skipf("refused earlier: %v", err)
			}
			got, err := template.Render(tc.values)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Render = %q, %v; want an error with %q", got, err, tc.want)
			}
		})
	}
}

func TestParsePlacesMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		query        string
		at           string // the mistake stands where this begins, or at the end of the query if ""
		line, column int
		want         string
	}{
		"unknown placeholder": {
			`up{ {{pods}} }`, `{{pods`, 1, 5,
			"unknown placeholder {{pods}}; known are {{canary}} {{stable}} {{baseline}} {{namespace}} {{deployment}} {{service}} {{interval}} {{window}}",
		},
		"baseline in quotes": {`up{pod="{{baseline}}"}`, `{{base`, 1, 9, "belongs between the braces"},
		"matchers without braces": {
			`up{{canary}}`, `{{can`, 1, 3, "belongs between the braces of a selector, as in up{ {{canary}} }",
		},
		"matchers in quotes":       {`up{pod="{{canary}}"}`, `{{can`, 1, 9, "belongs between the braces"},
		"name without quotes":      {`up{namespace={{namespace}}}`, `{{name`, 1, 14, `belongs in quotes, as in namespace="{{namespace}}"`},
		"placeholder not closed":   {"up{ {{canary }", `{{can`, 1, 5, "no }} closes"},
		"parse error behind them":  {"sum(up{ {{canary}} })\n  by (é) + up)", `é`, 2, 7, "unexpected"},
		"columns are characters":   {`up{a="éé"} + *`, `*`, 1, 14, "unexpected"},
		"on a later line":          {"up{ {{canary}} }\n+ nope(up)", `nope`, 2, 3, "unknown function"},
		"range vector":             {`up{ {{canary}} }[5m]`, `up`, 1, 1, "rate(…)"},
		"string":                   {`"x"`, `"x"`, 1, 1, "gives a string"},
		"end of the query":         {`sum(up{ {{canary}} }`, ``, 1, 21, "unclosed left parenthesis"},
		"empty":                    {``, ``, 1, 1, "no expression"},
		"matchers without a comma": {`up{ {{canary}} code="5" }`, `code`, 1, 16, "unexpected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.query)
			var mistake *Error
			if !errors.As(err, &mistake) {
				t.Fatalf("Parse = %v, want an *Error", err)
			}
			if !strings.Contains(mistake.Message, tc.want) {
				t.Errorf("message %q, want %q in it", mistake.Message, tc.want)
			}
			if mistake.Line != tc.line || mistake.Column != tc.column {
				t.Errorf("at %d:%d (%q), want %d:%d; %s", mistake.Line, mistake.Column, tc.query[mistake.Offset:], tc.line, tc.column, mistake)
			}
			if !strings.HasPrefix(tc.query[mistake.Offset:], tc.at) {
				t.Errorf("at %q, want %q", tc.query[mistake.Offset:], tc.at)
			}
		})
	}
}

func TestUses(t *testing.T) {
	template, err := Parse(`up{ {{canary}}, service="{{service}}" }`)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[Placeholder]bool{Canary: true, Service: true, Stable: false, Interval: false} {
		if got := template.Uses(p); got != want {
			t.Errorf("Uses(%s) = %t, want %t", p, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second:        "30s",
		90 * time.Second:        "1m30s",
		25 * time.Hour:          "25h",
		1500 * time.Millisecond: "1s500ms",
		0:                       "1ms",
		-time.Second:            "1ms",
		time.Microsecond:        "1ms",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%s) = %s, want %s", d, got, want)
		}
	}
}

// FuzzParse: nothing panics; a mistake stands inside of the text; a query that
// parses renders, for any names, to what Prometheus's parser takes, or is an error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[15s])) / sum(rate(http_requests_total{ {{canary}} }[15s]))`,
		`up{{{canary}}}`, `up{ {{stable}}, }`, "`{{namespace}}`", `{{`, `{{}}`, `{{{{canary}}}}`, `up{a='\'{{deployment}}'}`,
		"# {{x}}\nup", `rate(x[{{interval}}:{{interval}}])`, `x{a=~"[{{namespace}}-{{service}}]"}`, `{"a.b", {{canary}}}`,
		"histogram_quantile(0.9, sum by (le) (rate(x{ {{canary}} }[{{ interval }}]))) and on() vector(1) @ 3", "\xff{{canary}}",
	} {
		f.Add(seed, "shop", "web", int64(1000))
	}
	f.Fuzz(func(t *testing.T, text, namespace, name string, millis int64) {
		template, err := Parse(text)
		if err != nil {
			var mistake *Error
			if !errors.As(err, &mistake) {
				t.Fatalf("%v is no *Error", err)
			}
			if mistake.Offset < 0 || mistake.Offset > len(text) || mistake.Line < 1 || mistake.Column < 1 {
				t.Fatalf("%q: place %+v is outside", text, mistake)
			}
			return
		}
		for _, v := range []Values{
			{Namespace: namespace, Deployment: name, Service: name, Canary: []string{name}, Interval: time.Duration(millis) * time.Millisecond, Age: time.Duration(millis) * time.Microsecond},
			{Namespace: "a", Deployment: "b", Service: "c", Stable: []string{"d", "e.f"}, Interval: time.Hour},
		} {
			rendered, err := template.Render(v)
			if err != nil {
				continue
			}
			if _, err := check(rendered); err != nil {
				t.Fatalf("%q rendered to %q: %s", text, rendered, err.message)
			}
		}
	})
}
