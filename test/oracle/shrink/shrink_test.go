package shrink

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/generate"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

func parse(t *testing.T, lines ...string) sequence.Sequence {
	t.Helper()
	var s sequence.Sequence
	for _, line := range lines {
		c, err := sequence.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		s.Commands = append(s.Commands, c)
	}
	return s
}

func text(s sequence.Sequence) string {
	var lines []string
	for _, c := range s.Commands {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}

func TestWhatDoesNotMatterIsDropped(t *testing.T) {
	s := parse(t,
		"apply image=v1 env.A=1", "label meta-label.a=b", "apply image=v2 env.A=1 side=s1", "release", "set-env env.A=3 env.B=4", "restart", "undo to=1")
	got, err := Minimal(s, 200, func(s sequence.Sequence) (bool, error) {
		all := text(s)
		return strings.Contains(all, "side=s1") && strings.Contains(all, "env.B=4"), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "apply side=s1\nset-env env.B=4"
	if diff := cmp.Diff(want, text(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatIsFoundFails(t *testing.T) {
	for seed := range uint64(300) {
		fails := func(s sequence.Sequence) (bool, error) { return strings.Contains(text(s), "release"), nil }
		s := generate.Sequence(seed)
		if failed, _ := fails(s); !failed {
			continue
		}
		got, err := Minimal(s, 300, fails)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Commands) != 2 || got.Commands[1].Verb != sequence.Release || len(got.Commands[0].Settings()) > 0 {
			t.Errorf("seed %d was shrunk to\n%s", seed, text(got))
		}
	}
}

func TestShrinkingEndsWithItsQuestions(t *testing.T) {
	asked := 0
	s := generate.Sequence(3)
	got, err := Minimal(s, 5, func(sequence.Sequence) (bool, error) { asked++; return false, nil })
	if err != nil || asked != 5 || text(got) != text(s) {
		t.Errorf("asked %d times, ended with %v and\n%s", asked, err, text(got))
	}
}

func TestAnErrorEndsShrinking(t *testing.T) {
	broken := errors.New("broken")
	got, err := Minimal(generate.Sequence(3), 50, func(sequence.Sequence) (bool, error) { return false, broken })
	if !errors.Is(err, broken) || !got.Creates() {
		t.Errorf("ended with %v and\n%s", err, text(got))
	}
}
