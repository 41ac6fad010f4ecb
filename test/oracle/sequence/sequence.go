package sequence

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Sequence is what one Deployment goes through. The first command creates it.
type Sequence struct {
	// Why tells people what the sequence is kept for; "" for a generated one.
	Why string
	// Seed is what it was generated from, 0 for one that was written or shrunk.
	Seed     uint64
	Commands []Command
}

// file is the form of a sequence in YAML.
type file struct {
	Why      string   `json:"why,omitempty"`
	Seed     uint64   `json:"seed,omitempty"`
	Commands []string `json:"commands"`
}

// Encode writes a sequence as YAML, a line for each command.
func (s Sequence) Encode() ([]byte, error) {
	out := file{Why: s.Why, Seed: s.Seed}
	for _, c := range s.Commands {
		out.Commands = append(out.Commands, c.String())
	}
	data, err := yaml.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode sequence: %w", err)
	}
	return data, nil
}

// Decode reads what Encode writes. It fails on fields and verbs there are not, and where the first
// command creates nothing.
func Decode(data []byte) (Sequence, error) {
	var in file
	if err := yaml.UnmarshalStrict(data, &in); err != nil {
		return Sequence{}, fmt.Errorf("decode sequence: %w", err)
	}
	s := Sequence{Why: in.Why, Seed: in.Seed}
	for _, line := range in.Commands {
		c, err := Parse(line)
		if err != nil {
			return Sequence{}, err
		}
		s.Commands = append(s.Commands, c)
	}
	if !s.Creates() {
		return Sequence{}, fmt.Errorf("decode sequence: the first command must be one that creates")
	}
	return s, nil
}

// Creates says whether the first command can create the Deployment.
func (s Sequence) Creates() bool {
	return len(s.Commands) > 0 && s.Commands[0].Verb.Whole() && s.Commands[0].Verb != Replace && s.Commands[0].Verb != Recreate
}
