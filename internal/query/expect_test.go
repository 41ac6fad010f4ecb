package query

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestParseExpectation(t *testing.T) {
	for text, want := range map[string]Expectation{
		"P99 < 310ms":         {Quantile: 0.99, Limit: 0.31, Strict: true, Text: "P99 < 310ms"},
		"P99.9 <= 1.5s":       {Quantile: 0.999, Limit: 1.5, Text: "P99.9 <= 1.5s"},
		" p50<0.2s\n":         {Quantile: 0.5, Limit: 0.2, Strict: true, Text: "P50 < 0.2s"},
		"P95 ≤ 1m30s":         {Quantile: 0.95, Limit: 90, Text: "P95 <= 1m30s"},
		"P5 < 250µs":          {Quantile: 0.05, Limit: 0.00025, Strict: true, Text: "P5 < 250µs"},
		"success >= 0.95":     {Limit: 0.95, Text: "success >= 0.95"},
		"success ≥ 95%":       {Limit: 0.95, Text: "success >= 95%"},
		"success>99.9%":       {Limit: 0.999, Strict: true, Text: "success > 99.9%"},
		"success >= 1":        {Limit: 1, Text: "success >= 1"},
		"success >= 100%":     {Limit: 1, Text: "success >= 100%"},
		"success >= 0.0099":   {Limit: 0.0099, Text: "success >= 0.0099"},
		"success >= 1.1%":     {Limit: 0.011, Text: "success >= 1.1%"},
		"P1 < 1s":             {Quantile: 0.01, Limit: 1, Strict: true, Text: "P1 < 1s"},
		"success > 0":         {Limit: 0, Strict: true, Text: "success > 0"},
		"\tsuccess\n>=\n.5\t": {Limit: 0.5, Text: "success >= .5"},
	} {
		got, mistake := ParseExpectation(text)
		if mistake != nil {
			t.Errorf("%q: %v", text, mistake)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", text, diff)
		}
	}
}

func TestParseExpectationPlacesMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":  "line 1, column 1: the expectation is empty; write it as “success >= 99%” or “P99 < 310ms”",
		" ": "line 1, column 2: the expectation is empty",
		"success >= 0." + strings.Repeat("9", 60): "line 1, column 1: the expectation has 73 characters, at most 64 are taken",
		"latency < 3s":        `line 1, column 1: expected “success” or a quantile such as “P99”, got "latency"`,
		"99 < 3s":             `line 1, column 1: expected “success” or a quantile such as “P99”, got "99 < 3s"`,
		"P99":                 "line 1, column 4: a duration has an upper end: expected < or <=, as in “P99 < 310ms”",
		"P99 > 310ms":         "line 1, column 5: a duration has an upper end",
		"P99 =< 310ms":        "line 1, column 5: a duration has an upper end",
		"P99 < 310":           "line 1, column 7: 310 has no unit; write 310ms for milliseconds or 310s for seconds",
		"P99 < fast":          `line 1, column 7: expected a duration such as 310ms or 1.5s, got "fast"`,
		"P99 < 310ms or less": "line 1, column 7: expected a duration",
		"P99 < 0s":            "line 1, column 7: 0s is no duration that a request could take",
		"P99 < 1h":            "line 1, column 7: expected a duration",
		"P99 < -1s":           "line 1, column 7: expected a duration",
		"P0 < 1s":             "line 1, column 1: expected a quantile between P0 and P100",
		"P100 < 1s":           "line 1, column 1: expected a quantile between P0 and P100",
		"P99,9 < 1s":          "line 1, column 4: a duration has an upper end",
		"success < 5%":        "line 1, column 9: a share of successes has a lower end",
		"success == 1":        "line 1, column 9: a share of successes has a lower end",
		"success >= 95":       "line 1, column 12: 95 is more than all requests; write 95% for a percentage, or a share up to 1",
		"success >= 101%":     "line 1, column 12: 101% is more than all requests; the most that can succeed is 100%",
		"success > 100%":      "line 1, column 11: more than all requests cannot succeed; write success >= 100%",
		"success >= 0":        "line 1, column 12: every canary keeps success >= 0",
		"success >= 0.99%":    "line 1, column 12: 0.99% lets at least 99 of 100 requests fail; write success >= 99% if that is what is meant, or success >= 0.0099 for what it says",
		"success > 1%":        "line 1, column 11: 1% lets at least 99 of 100 requests fail; write success >= 100% if that is what is meant, or success > 0.01",
		"success > 0%":        "line 1, column 11: 0% lets all requests fail but one; write success > 0 if one success is enough",
		"success >= .5%":      "line 1, column 12: .5% lets at least 99 of 100 requests fail; write success >= 50%",
		"P0.99 < 300ms":       "line 1, column 1: P0.99 is what 99 of 100 requests are slower than; quantiles are in percent, write P99",
		"success >=\n\tmost":  `line 2, column 2: expected a share such as 99% or 0.99, got "most"`,
		"success >= -1%":      "line 1, column 12: expected a share",
		"success ≥ NaN":       "line 1, column 11: expected a share",
		"Success >= 99%":      `line 1, column 1: expected “success”`,
	} {
		_, mistake := ParseExpectation(text)
		if mistake == nil || !strings.HasPrefix(mistake.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, mistake, want)
		}
	}
}

// FuzzParseExpectation: nothing panics; mistakes stand inside of the text; what
// is read means the same when it is written and read again.
func FuzzParseExpectation(f *testing.F) {
	for _, seed := range []string{"P99 < 310ms", "success ≥ 95%", "p99.99<=1m2.5s", "success > .999", "P1e9 < 1s", "success >= 1e-3", "P99 < 99999999999999999999s", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, mistake := ParseExpectation(text)
		if mistake != nil {
			if mistake.Offset < 0 || mistake.Offset > len(text) || mistake.Line < 1 || mistake.Column < 1 {
				t.Fatalf("%q: place %+v is outside", text, mistake)
			}
			return
		}
		if e.Limit < 0 || e.Quantile < 0 || e.Quantile >= 1 || !utf8.ValidString(e.Text) {
			t.Fatalf("%q: %+v", text, e)
		}
		again, mistake := ParseExpectation(e.Text)
		if mistake != nil || again != e {
			t.Fatalf("%q: %+v, written %q: %+v, %v", text, e, e.Text, again, mistake)
		}
	})
}
