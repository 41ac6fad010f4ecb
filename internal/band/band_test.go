package band

import (
	"math"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestOf(t *testing.T) {
	for rule, want := range map[string]Band{
		"[0, 0.05]":                           {0, 0.05, true},
		"[-inf, 2] (1, at most 10% up)":       {math.Inf(-1), 2, true},
		"[0.9, inf], all samples of 5m":       {0.9, math.Inf(1), true},
		"[0, 0.05] of code bad":               {0, 0.05, true},
		"P99 < 310ms":                         {math.Inf(-1), 0.31, true},
		"success >= 99%, all samples of 5m":   {0.99, math.Inf(1), true},
		"the first value, at most 10% up":     {},
		"no alert fires":                      {},
		"[broken":                             {},
		"":                                    {},
		"no canary pod matches bad in (true)": {},
	} {
		if got := Bounds(v1alpha1.Measurement{Range: rule}); got.Known != want.Known || want.Known && got != want {
			t.Errorf("%s: got %v, want %v", rule, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for rule, want := range map[string]string{
		"[0, 0.05]":                     "[0, 0.05]",
		"[-inf, 2] (1, at most 10% up)": "at most 2 (1, at most 10% up)",
		"[0.9, inf], all samples of 5m": "at least 0.9, all samples of 5m",
		"P99 < 310ms":                   "P99 < 310ms",
		"[-inf, inf":                    "[-inf, inf",
		"no alert fires]":               "no alert fires]",
		"":                              "",
	} {
		if got := Words(rule); got != want {
			t.Errorf("%s: got %q, want %q", rule, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for text, want := range map[string]float64{"0.05": 0.05, "15.3 [7.81, 36.2]": 15.3, "1e-9": 1e-9} {
		if got, ok := Number(text); !ok || got != want {
			t.Errorf("%s: %g, %t", text, got, ok)
		}
	}
	for _, text := range []string{"", "NaN", "+Inf", "3 of 4", "[1, 2]"} {
		if got, ok := Number(text); ok {
			t.Errorf("%q is taken for %g", text, got)
		}
	}
}
