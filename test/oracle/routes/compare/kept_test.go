package compare_test

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

func TestInMemoryOnlyWhatCannotBeHelpedIsExplained(t *testing.T) {
	for name, tc := range map[string]struct {
		commands []string
		want     compare.Explanation
	}{
		"which of two with new weights is new": {[]string{"helm4 rule.a=web,old", "begin", "reread-replace weight.0.0=90 insert.0=web:28"}, compare.WhichOfTheSame},
		"the same, sent when the run is over": {
			[]string{"apply rule.a=web,old", "begin", "keep", "end how=abort", "resend with=replace weight.0.0=90 insert.0=web:28"}, compare.WhichOfTheSame},
		"which of two with the weight that stands there is new": {[]string{"apply rule.a=web,old", "begin", "patch-json insert.0=web:4"}, compare.WhichOfTheSame},
		"one is new in front of another Service":                {[]string{"apply rule.a=old:10,web:10", "begin", "reread-replace insert.0=web:8"}, ""},
		"one is new, and says another port":                     {[]string{"apply rule.a=web,old", "begin", "reread-replace weight.0.0=90 insert.0=web@81:28"}, ""},
		"a weight as it stands there":                           {[]string{"apply rule.a=web,old", "begin", "patch-json weight.0.0=4"}, compare.SaidWhatIsLaid},
		"one is new as another stood there, which has a new weight": {
			[]string{"apply rule.a=web,old", "begin", "patch-json weight.0.0=90 insert.0=web:4"}, compare.SaidWhatIsLaid},
		"a weight that is changed twice": {[]string{"apply rule.a=web,old", "begin", "edit weight.0.0=90 weight.0.0=4"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t}
			var s sequence.Sequence
			for _, line := range tc.commands {
				c, err := sequence.Parse(line)
				w.must(err)
				s.Commands = append(s.Commands, c)
			}
			w.sequence(s)
			if w.explained != tc.want {
				t.Errorf("explained as %q, want %q", w.explained, tc.want)
			}
		})
	}
}

// TestInMemoryWhatOnceWentWrong plays the kept sequences.
func TestInMemoryWhatOnceWentWrong(t *testing.T) {
	files, err := filepath.Glob("../../testdata/routes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no kept sequences: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			w := &world{T: t}
			data, err := os.ReadFile(file)
			w.must(err)
			s, err := sequence.Decode(data)
			w.must(err)
			w.sequence(s)
		})
	}
}
