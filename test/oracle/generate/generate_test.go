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

// TestWhatIsRareInManifestsComesOften: pauses, no replicas, marks of restarts and change-causes that are
// taken off meet holds of all clients only if they come in many sequences.
func TestWhatIsRareInManifestsComesOften(t *testing.T) {
	const sequences = 1000
	in := map[string]int{}
	for seed := range uint64(sequences) {
		seen := map[string]bool{}
		for _, c := range Sequence(seed).Commands {
			seen[string(c.Verb)] = true
			for _, w := range c.Words {
				seen[w.String()], seen[w.Key] = true, true
			}
		}
		for what := range seen {
			in[what]++
		}
	}
	for what, least := range map[string]int{
		string(sequence.Pause): 100, string(sequence.Resume): 100, replicas[0].key + "=0": 100, string(sequence.Restart): 100,
		causes[0].key: 250, causes[0].key + "-": 50, timestamps[0].key: 100, "env.STAKATER_DB_SECRET": 25,
	} {
		if in[what] < least {
			t.Errorf("%s comes in %d of %d sequences, want at least %d", what, in[what], sequences, least)
		}
	}
}
