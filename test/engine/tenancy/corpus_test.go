package tenancy

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/fuzzing"

	"holdfast.dev/holdfast/internal/query/tenancy"
)

// TestPrometheussOwnCorpus: of all expressions that Prometheus's tests and fuzzers
// know, those with info() are refused, and every selector of the others gets the matcher.
func TestPrometheussOwnCorpus(t *testing.T) {
	corpus, err := fuzzing.GetCorpusForFuzzParseExpr()
	if err != nil {
		t.Fatal(err)
	}
	selectors, refused := 0, 0
	for _, text := range corpus {
		parsed, err := parser.NewParser(all).ParseExpr(text)
		if err != nil {
			continue
		}
		before := len(parser.ExtractSelectors(parsed))
		enforced, err := tenancy.Enforce(text, shop)
		if err != nil {
			refused++
			if !strings.Contains(err.Error(), "info(…)") {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		again, err := parser.NewParser(all).ParseExpr(enforced)
		if err != nil {
			t.Errorf("%s became %s: %v", text, enforced, err)
			continue
		}
		after := parser.ExtractSelectors(again)
		if len(after) != before {
			t.Errorf("%s became %s", text, enforced)
		}
		for _, matchers := range after {
			selectors++
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.String() == shop[0].String() }) {
				t.Errorf("%s became %s", text, enforced)
			}
		}
	}
	t.Logf("%d expressions, %d selectors, %d refused", len(corpus), selectors, refused)
	if selectors < 1000 || refused == 0 {
		t.Error("too little was tried to mean anything")
	}
}
