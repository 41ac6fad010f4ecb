package generate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

func TestASeedHasOneSequence(t *testing.T) {
	if diff := cmp.Diff(Sequence(7), Sequence(7)); diff != "" {
		t.Error(diff)
	}
	if cmp.Equal(Sequence(7).Commands, Sequence(8).Commands) {
		t.Error("two seeds have the same sequence")
	}
}

func TestSequencesCanBeKeptAndRendered(t *testing.T) {
	for seed := range uint64(2000) {
		want := Sequence(seed + 1)
		data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := sequence.Decode(data)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, data)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
		for _, c := range want.Commands {
			if !c.Verb.Whole() {
				continue
			}
			o, err := httproute.Render(c.Settings(), c.Option(sequence.Part) == sequence.Yes)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if len(httproute.Rules(o)) == 0 && c.Option(sequence.Part) == "" {
				t.Fatalf("seed %d: %q has no rules", seed, c)
			}
		}
	}
}

func TestEveryVerbAndEveryEndComes(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(2000) {
		for _, c := range Sequence(seed).Commands {
			seen[string(c.Verb)], seen[c.Option(sequence.How)] = true, true
		}
	}
	want := Ends
	for _, verb := range []sequence.Verb{
		sequence.Create, sequence.Apply, sequence.ServerApply, sequence.Replace, sequence.Recreate, sequence.Helm3, sequence.Helm4,
		sequence.PatchMerge, sequence.PatchJSON, sequence.Edit, sequence.RereadReplace, sequence.RereadApply, sequence.RereadServer,
		sequence.Label, sequence.Annotate, sequence.Begin, sequence.Next, sequence.End, sequence.Keep, sequence.Resend,
	} {
		want = append(want, string(verb))
	}
	for _, what := range want {
		if !seen[what] {
			t.Errorf("%s never comes", what)
		}
	}
}

// TestMostRoutesGiveAShare: without one there is nothing to find.
func TestMostRoutesGiveAShare(t *testing.T) {
	reaches, begins := 0, 0
	for seed := range uint64(1000) {
		s := Sequence(seed)
		o, err := httproute.Render(s.Commands[0].Settings(), false)
		if err != nil {
			t.Fatal(err)
		}
		if httproute.Reaches(o) {
			reaches++
		}
		if s.Commands[1].Verb == sequence.Begin {
			begins++
		}
	}
	if reaches < 900 || begins < 750 {
		t.Errorf("of 1000 routes %d send requests to the Deployment when they are made, and %d have a run then", reaches, begins)
	}
}
