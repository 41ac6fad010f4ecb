package compare_test

import (
	"testing"

	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
	"holdfast.dev/holdfast/test/oracle/sequence/sequencetest"
)

// TestBackendsThatMayBeTakenForEachOther must have together what is asked for, and nothing else may differ.
func TestBackendsThatMayBeTakenForEachOther(t *testing.T) {
	const asked = "rule.a=web:28,web:91,old:5 rule.b=web"
	for name, tc := range map[string]struct {
		change, is string
		want       compare.Explanation
	}{
		"divided otherwise":         {"insert.0=web:28", "rule.a=web:29,web:90,old:5 rule.b=web", compare.WhichOfTheSame},
		"and no backend came":       {"weight.0.0=28", "rule.a=web:29,web:90,old:5 rule.b=web", ""},
		"less together":             {"insert.0=web:28", "rule.a=web:28,web:90,old:5 rule.b=web", ""},
		"divided with another":      {"insert.0=web:28", "rule.a=web:28,web:90,old:6 rule.b=web", ""},
		"in another order":          {"insert.0=web:28", "rule.a=web:29,old:5,web:90 rule.b=web", ""},
		"of another port":           {"insert.0=web:28", "rule.a=web:29,web@81:90,old:5 rule.b=web", ""},
		"and a rule is gone":        {"insert.0=web:28", "rule.a=web:29,web:90,old:5", ""},
		"and a rule says more":      {"insert.0=web:28", "rule.a=web:29,web:90,old:5 rule.b=web timeout.b=2s", ""},
		"and the route has a label": {"insert.0=web:28", "rule.a=web:29,web:90,old:5 rule.b=web meta-label.x=y", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := compare.Step{Command: sequence.Command{Verb: sequence.Edit}, Words: sequencetest.Words(t, tc.change)}
			s.Before.Laid.Record = &route.Record{}
			s.After = compare.Pair[compare.View]{Twin: rendered(t, asked), Laid: rendered(t, tc.is)}
			if got := s.Explain(s.Compare()); got != tc.want {
				t.Errorf("explained as %q, want %q", got, tc.want)
			}
		})
	}
}

func rendered(t *testing.T, line string) compare.View {
	t.Helper()
	o, err := httproute.Render(sequencetest.Words(t, line), false)
	if err != nil {
		t.Fatal(err)
	}
	return compare.View{Object: o, Namespace: "played"}
}
