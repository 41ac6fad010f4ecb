package query

import "testing"

func TestTheNewestSampleIsAskedForByItsOwnTime(t *testing.T) {
	for _, tc := range []struct {
		name    string
		queries []string
		want    string
	}{
		{"of an instant vector", []string{`max(queue{pod="a"})`}, `max(timestamp(queue{pod="a"}))`},
		{
			"of ranges, subqueries and offsets the selector alone",
			[]string{`sum(rate(x_total{pod="a"}[5m] offset 1m)) / max_over_time(y[1h:1m])`},
			`max(timestamp(x_total{pod="a"}) or timestamp(y))`,
		},
		{"each selector once", []string{`up`, `up / up{job="x"}`}, `max(timestamp(up) or timestamp(up{job="x"}))`},
		{"of the samples of a counter", []string{`x_total{pod="a"}[10m]`}, `max(timestamp(x_total{pod="a"}))`},
		{"a name in quotes", []string{`{"http.requests", "k8s.pod.name"="a"}`}, `max(timestamp({"k8s.pod.name"="a",__name__="http.requests"}))`},
		{"not of many names, which may have the same labels", []string{`count({pod="a"})`, `count({__name__=~"x.*"})`}, ``},
		{"nor of what is no query", []string{`sum(`, `1`}, ``},
		{"nor of more than a few", []string{`a`, `b`, `c`, `d`, `e`}, `max(timestamp(a) or timestamp(b) or timestamp(c) or timestamp(d))`},
	} {
		got := NewestSample(tc.queries...)
		if got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if got != "" {
			if _, mistake := check(got); mistake != nil {
				t.Errorf("%s: %s: %s", tc.name, got, mistake.message)
			}
		}
	}
}
