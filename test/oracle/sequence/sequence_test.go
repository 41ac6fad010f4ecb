package sequence

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSequenceReadsBackAsItWasWritten(t *testing.T) {
	want := Sequence{Why: "a: sentence", Seed: 1 << 60, Commands: []Command{
		{Verb: ServerApply, Words: []Word{{Key: By, Value: Owner}, {Key: "image", Value: "v1"}}},
		{Verb: SetEnv, Words: []Word{{Key: "env.A", Value: ""}, {Key: "env.B", Drop: true}}},
		{Verb: Release},
	}}
	data, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s\nfrom\n%s", diff, data)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"a verb there is not":                 "commands: [apply image=v1, conquer]",
		"a word without a value":              "commands: [apply image]",
		"a sequence that creates nothing":     "commands: [release]",
		"a sequence that replaces nothing":    "commands: [replace image=v1]",
		"a field there is not":                "commands: [apply image=v1]\nsede: 1",
		"an empty sequence":                   "commands: []",
		"an empty line":                       "commands: [apply image=v1, '']",
		"a word that is only a minus":         "commands: [apply image=v1, set-env -]",
		"something that is not a list at all": "commands: {apply: image}",
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := Decode([]byte(text)); err == nil {
				t.Errorf("%q was read as %v", text, s)
			}
		})
	}
}

func TestOptionsAreNoSettings(t *testing.T) {
	c, err := Parse("server-apply by=ci image=v2 env.A-")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Option(By); got != "ci" {
		t.Errorf("by is %q", got)
	}
	want := []Word{{Key: "image", Value: "v2"}, {Key: "env.A", Drop: true}}
	if diff := cmp.Diff(want, c.Settings()); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}
