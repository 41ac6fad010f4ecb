package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"
)

// What a query asks for is asked for in every way in which it may be stored.
func TestBoundsAreMatchedAsNumbers(t *testing.T) {
	for name, tc := range map[string]struct{ matcher, want string }{
		"as the application shows it":  {`le="1"`, `le=~"1|1\\.0"`},
		"as Prometheus 3 stores it":    {`le="1.0"`, `le=~"1\\.0|1"`},
		"a quantile":                   {`quantile="1"`, `quantile=~"1|1\\.0"`},
		"a fraction has one form":      {`le="0.25"`, `le="0.25"`},
		"one with a zero too many":     {`le="0.250"`, `le=~"0\\.250|0\\.25"`},
		"one without its zero":         {`le=".5"`, `le=~"\\.5|0\\.5"`},
		"without a fraction":           {`le="5."`, `le=~"5\\.|5|5\\.0"`},
		"zero":                         {`le="0"`, `le=~"0|0\\.0"`},
		"a negative one":               {`le="-1"`, `le=~"-1|-1\\.0"`},
		"a million, by Go and by Java": {`le="1000000"`, `le=~"1000000|1e\\+06|1000000\\.0"`},
		"ten million":                  {`le="1e+07"`, `le=~"1e\\+07|10000000|10000000\\.0|1\\.0E7|1e\\+7"`},
		"a very small one":             {`le="0.00001"`, `le=~"0\\.00001|1e-05|1\\.0E-5|1e-5"`},
		"not":                          {`le!="1"`, `le!~"1|1\\.0"`},
		"one of several":               {`le=~"1|2.5"`, `le=~"1|1\\.0|2\\.5"`},
		"none of several":              {`le!~"1|0[.]5"`, `le!~"1|1\\.0|0\\.5"`},
		"several with one form":        {`le=~"0\\.5|2\\.5"`, `le=~"0\\.5|2\\.5"`},
		"all forms already":            {`le=~"1|1\\.0"`, `le=~"1|1\\.0"`},
		"a pattern stays":              {`le=~"1|2.*"`, `le=~"1|2.*"`},
		"infinity has one form":        {`le!="+Inf"`, `le!="+Inf"`},
		"no bound":                     {`le=""`, `le=""`},
		"another label":                {`level="1"`, `level="1"`},
		"in single quotes":             {`le='1'`, `le=~"1|1\\.0"`},
		"in backquotes, with spaces":   {"le = `1`", `le =~"1|1\\.0"`},
		"a name in quotes":             {`"le"="1"`, `"le"=~"1|1\\.0"`},
		"a string that looks like one": {`path="le=\"1\""`, `path="le=\"1\""`},
		"two":                          {`le="1",code="2",quantile="3"`, `le=~"1|1\\.0",code="2",quantile=~"3|3\\.0"`},
		"behind a comment":             {"# le=\"1\"\nle=\"1\"", "# le=\"1\"\nle=~\"1|1\\\\.0\""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, around := range []string{"x{%s}", "rate(x{%s, a=\"b\"}[1m] offset 1m)", "sum by (le) (max(x{%s}) or y{%s}) == le"} {
				text := strings.ReplaceAll(around, "%s", tc.matcher)
				template, err := Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				got, err := template.Render(shop)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(strings.ReplaceAll(around, "%s", tc.want), got); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// Whatever a client or a server makes of a bound, the other forms select it, and no
// other bound is selected.
func TestEverySpellingSelectsEveryOther(t *testing.T) {
	for _, forms := range [][]string{
		{"1", "1.0"}, {"10", "10.0"}, {"0.1"}, {"2.5"}, {"100", "100.0"}, {"0.005"}, {"0.001"},
		{"1000000", "1000000.0", "1e+06"}, {"2.5e+06", "2500000", "2500000.0"}, {"0.0001", "1.0E-4"}, {"0.00025", "2.5E-4"},
		{"1e-05", "1e-5", "0.00001", "1.0E-5"}, {"1e+07", "1.0E7", "10000000", "10000000.0"}, {"1.5e+09", "1.5E9", "1500000000"},
	} {
		for _, written := range forms {
			m, _ := anySpelling(labels.MustNewMatcher(labels.MatchEqual, "le", written))
			for _, stored := range forms {
				if !m.Matches(stored) {
					t.Errorf("le=%q is sent as %s, which does not match %q", written, m, stored)
				}
			}
			for _, other := range []string{"", "11", "1x0", "0.15", "+Inf", "1.00", "251"} {
				if m.Matches(other) {
					t.Errorf("le=%q is sent as %s, which matches %q", written, m, other)
				}
			}
		}
	}
}

func TestBoundsOfCountersAndRecordings(t *testing.T) {
	counter, err := ParseCounter(`l_bucket{ {{pods}}, le="1" }`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := counter.RenderSamples(shop, sampleInterval)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got, `le=~"1|1\\.0"`) {
		t.Errorf("asked for %s", got)
	}
	query, err := Parse(`sum(rate(l_bucket{ {{canary}}, le="1" }[1m]))`)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`l_bucket{le=~"1|1\\.0",namespace="shop",pod=~"web-.*"}`}
	if diff := cmp.Diff(want, query.CanarySelectors(shop, "web-.*")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
