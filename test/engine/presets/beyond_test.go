package presets

import (
	"testing"

	"holdfast.dev/holdfast/internal/query"
)

// Of 100 requests each time 40 take up to a second, 30 up to two, the others longer.
const slow = `l_bucket{namespace="shop",pod="web-abc-x1",le="1.0"} 0+40x40
l_bucket{namespace="shop",pod="web-abc-x1",le="2.0"} 0+70x40
l_bucket{namespace="shop",pod="web-abc-x1",le="+Inf"} 0+100x40`

func TestBeyondBucketsByPrometheusItself(t *testing.T) {
	const idle = `l_bucket{namespace="shop",pod="web-abc-x1",le="1.0"} 5x40
l_bucket{namespace="shop",pod="web-abc-x1",le="+Inf"} 9x40`
	const native = `l_bucket{namespace="shop",pod="web-abc-x1"} {{schema:0 sum:4 count:4 buckets:[1 2 1]}}+{{schema:0 sum:4 count:4 buckets:[1 2 1]}}x40`
	for name, tc := range map[string]struct {
		series, text string
		value        float64
		beyond       bool
	}{
		"within":              {slow, `histogram_quantile(0.6, sum by (le) (rate(l_bucket{ {{canary}} }[2m])))`, 1 + 2.0/3, false},
		"at the very end":     {slow, `histogram_quantile(0.5, sum by (le) (rate(l_bucket{ {{canary}}, le!="1" }[2m])))`, 2 * 50.0 / 70, false},
		"beyond":              {slow, `histogram_quantile(0.8, sum by (le) (rate(l_bucket{ {{canary}} }[2m])))`, 2, true},
		"each pod":            {slow, `max(histogram_quantile(0.8, rate(l_bucket{ {{canary}} }[2m])))`, 2, true},
		"in milliseconds":     {slow, `1000 * histogram_quantile(0.8, sum by (le) (increase(l_bucket{ {{canary}} }[2m])))`, 2000, true},
		"one of two":          {slow, `histogram_quantile(0.8, sum by (le) (rate(l_bucket{ {{canary}} }[2m]))) - histogram_quantile(0.5, sum by (le) (rate(l_bucket{ {{canary}} }[2m])))`, 2 - 4.0/3, true},
		"a native histogram":  {native, `histogram_quantile(0.8, sum(rate(l_bucket{ {{canary}} }[2m])))`, 0, false},
		"nothing that counts": {idle, `histogram_quantile(0.8, sum by (le) (rate(l_bucket{ {{canary}} }[2m])))`, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := query.Parse(tc.text)
			if err != nil {
				t.Fatal(err)
			}
			rendered, err := template.Render(query.Values{Namespace: "shop", Canary: []string{"web-abc"}})
			if err != nil {
				t.Fatal(err)
			}
			beyond := ask(t, query.BeyondBuckets(rendered), tc.series)
			if (len(beyond) > 0) != tc.beyond {
				t.Errorf("beyond: %v", beyond)
			}
			if got := ask(t, tc.text, tc.series); tc.value != 0 && !same(got, map[string]float64{"": tc.value}) {
				t.Errorf("the quantile is %v, want %g", got, tc.value)
			}
		})
	}
}
