package tenancy

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

var shop = []*labels.Matcher{labels.MustNewMatcher(labels.MatchEqual, "namespace", "shop")}

func TestEnforce(t *testing.T) {
	for name, tc := range map[string]struct{ expr, want string }{
		"a bare name":                              {`up`, `up{namespace="shop"}`},
		"a selector with matchers":                 {`up{job="a"}`, `up{job="a",namespace="shop"}`},
		"one that is there is not put on twice":    {`up{namespace="shop"}`, `up{namespace="shop"}`},
		"another tenant's selects nothing":         {`up{namespace="other"}`, `up{namespace="other",namespace="shop"}`},
		"a pattern for all stays, narrowed":        {`up{namespace=~".*"}`, `up{namespace="shop",namespace=~".*"}`},
		"a negation":                               {`up{namespace!="shop"}`, `up{namespace!="shop",namespace="shop"}`},
		"any name":                                 {`{__name__=~".+"}`, `{__name__=~".+",namespace="shop"}`},
		"a quoted name":                            {`{"a metric"}`, `{__name__="a metric",namespace="shop"}`},
		"a quoted label that looks like a way out": {`up{"} or up{"="x"}`, `up{"} or up{"="x",namespace="shop"}`},
		"a string that looks like a way out":       {`up{job="\"} or up{x=\""}`, `up{job="\"} or up{x=\"",namespace="shop"}`},
		"a range":                                  {`rate(up[5m])`, `rate(up{namespace="shop"}[5m])`},
		"offset and @":                             {`up offset -5m @ start()`, `up{namespace="shop"} @ start() offset -5m`},
		"@ a time on a range":                      {`rate(up[5m] @ 100 offset 1h)`, `rate(up{namespace="shop"}[5m] @ 100.000 offset 1h)`},
		"a subquery":                               {`max_over_time(rate(up[1m])[5m:10s] @ end())`, `max_over_time(rate(up{namespace="shop"}[1m])[5m:10s] @ end())`},
		"a computed range":                         {`rate(up[step() + 1m] offset (1m * 2))`, `rate(up{namespace="shop"}[step() + 1m] offset (1m * 2))`},
		"anchored":                                 {`increase(up[5m] anchored)`, `increase(up{namespace="shop"}[5m] anchored)`},
		"the parameter of an aggregation":          {`topk(scalar(sum(secret)), up)`, `topk(scalar(sum(secret{namespace="shop"})), up{namespace="shop"})`},
		"of quantile":                              {`quantile by (job) (scalar(secret), up)`, `quantile by (job) (scalar(secret{namespace="shop"}), up{namespace="shop"})`},
		"of limit_ratio":                           {`limit_ratio(scalar(secret), up)`, `limit_ratio(scalar(secret{namespace="shop"}), up{namespace="shop"})`},
		"count_values":                             {`count_values("namespace", secret)`, `count_values("namespace", secret{namespace="shop"})`},
		"an argument that is a scalar":             {`clamp_max(up, scalar(secret))`, `clamp_max(up{namespace="shop"}, scalar(secret{namespace="shop"}))`},
		"an argument of vector":                    {`vector(scalar(secret))`, `vector(scalar(secret{namespace="shop"}))`},
		"both sides, fill and group":               {`up * on (pod) group_left (x) fill_right (0) secret`, `up{namespace="shop"} * on (pod) group_left (x) fill_right (0) secret{namespace="shop"}`},
		"set operators":                            {`up or secret unless absent(x)`, `up{namespace="shop"} or secret{namespace="shop"} unless absent(x{namespace="shop"})`},
		"label_replace makes no series":            {`label_replace(up, "namespace", "other", "", "")`, `label_replace(up{namespace="shop"}, "namespace", "other", "", "")`},
		"a unary minus and parentheses":            {`-(up)`, `-(up{namespace="shop"})`},
		"a comment":                                {"up # {namespace=\"other\"}\n", `up{namespace="shop"}`},
		"no series at all":                         {`time() + 1`, `time() + 1`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Enforce(tc.expr, shop)
			if err != nil || got != tc.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, tc.want)
			}
		})
	}
}

func TestEnforceRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		expr, want string
		offset     int
	}{
		"info":             {`1 + info(up)`, "info(…) looks up series", 4},
		"info with labels": {`info(up, {namespace="shop"})`, "info(…) looks up series", 0},
		"no PromQL":        {`up{`, "unexpected end of input", 3},
		"two expressions":  {`up up`, "unexpected identifier", 3},
		"empty":            {``, "no expression", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Enforce(tc.expr, shop)
			var refused *Error
			if !errors.As(err, &refused) || !strings.Contains(refused.Message, tc.want) || refused.Offset != tc.offset {
				t.Errorf("Enforce = %q, %v at %d; want %q at %d", got, err, refused.Offset, tc.want, tc.offset)
			}
		})
	}
	if _, err := Enforce("up", nil); err == nil {
		t.Error("nothing was to be enforced, and that passed")
	}
	if err := walk(&parser.StepInvariantExpr{Expr: &parser.NumberLiteral{}}, nil); err == nil {
		t.Error("a kind of node that is not known passed")
	}
	if err := walk(&parser.Call{Func: &parser.Function{Name: "brand_new"}}, nil); err == nil {
		t.Error("a function that is not known passed")
	}
}

// TestEveryFunctionIsLookedAt: a newer parser has functions that somebody must
// look at before they are let through.
func TestEveryFunctionIsLookedAt(t *testing.T) {
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(parser.Functions)), func(name string) bool { return name == "info" })
	if !slices.Equal(known, want) {
		t.Errorf("known functions\n%v\nof Prometheus's parser\n%v", known, want)
	}
}

func TestMatchers(t *testing.T) {
	for text, want := range map[string]string{
		`cluster="eu-1"`:                 `cluster="eu-1"`,
		`tenant=~"{{namespace}}|shared"`: `tenant=~"shop-1|shared"`,
		`ns = '{{namespace}}'`:           `ns="shop-1"`,
		`a!="b"`:                         `a!="b"`,
	} {
		m, err := ParseMatcher(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, err := ForNamespace([]*labels.Matcher{m}, "shop-1")
		if err != nil || got[0].String() != want {
			t.Errorf("%s = %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		``, `a`, `a="b",c="d"`, `a="b"} or up{c="d"`, `__name__="up"`, `"up"`, `a=~"("`, `a="{{deployment}}"`, `"a b"="c"`, `a="b"}[5m`, "a=\"b\"#",
	} {
		if m, err := ParseMatcher(text); err == nil {
			t.Errorf("%s was taken for %s", text, m)
		}
	}
	m, err := ByLabel("namespace")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".*", `a"`, "a b", "A", "a.b", strings.Repeat("a", 64)} {
		if _, err := ForNamespace([]*labels.Matcher{m}, name); err == nil {
			t.Errorf("%q was taken for the name of a namespace", name)
		}
	}
	for _, name := range []string{"", "__name__", "a b"} {
		if _, err := ByLabel(name); err == nil {
			t.Errorf("%q was taken for the name of a label", name)
		}
	}
}
