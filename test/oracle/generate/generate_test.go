package generate

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/test/oracle/manifest"
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
			if _, err := manifest.Render(c.Settings()); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
}

func TestEveryVerbComes(t *testing.T) {
	seen := map[sequence.Verb]bool{}
	for seed := range uint64(2000) {
		for _, c := range Sequence(seed).Commands {
			seen[c.Verb] = true
		}
	}
	for _, verb := range sequence.Verbs() {
		if !seen[verb] {
			t.Errorf("%s never comes", verb)
		}
	}
}

func TestValuesAreMostlyFresh(t *testing.T) {
	for seed := range uint64(200) {
		var images []string
		for _, c := range Sequence(seed).Commands {
			if c.Verb != sequence.SetImage {
				continue
			}
			value := c.Option("image")
			if slices.Contains(images, value) {
				t.Errorf("seed %d sets image %s twice", seed, value)
			}
			images = append(images, value)
		}
	}
}
