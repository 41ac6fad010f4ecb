package query

import (
	"slices"
	"testing"
)

func TestCanarySelectors(t *testing.T) {
	for name, tc := range map[string]struct {
		query string
		want  []string
	}{
		"ranges and offsets go, other labels stay": {
			`sum(rate(errors_total{ {{canary}},code="500" }[5m] offset 1m))`,
			[]string{`errors_total{code="500",namespace="shop",pod=~"web-.+"}`}},
		"each selector stands once": {
			`sum(x{ {{canary}} }) / sum(rate(x{ {{canary}} }[1m]))`,
			[]string{`x{namespace="shop",pod=~"web-.+"}`}},
		"what is of other pods is left out": {`y{ {{stable}} } + x`, nil},
		"a name in braces stays a name":     {`{__name__="x",{{canary}}}`, []string{`{__name__="x",namespace="shop",pod=~"web-.+"}`}},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := Parse(tc.query)
			if err != nil {
				t.Fatal(err)
			}
			got := template.CanarySelectors(Values{Namespace: "shop", Deployment: "web", Canary: []string{"web"}, Stable: []string{"other"}}, "web-.+")
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
