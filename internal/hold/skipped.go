package hold

import (
	"encoding/json"
	"fmt"
	"time"
)

// Skipped is the last update that passed without a canary because its user
// asked for it, as it stands in the annotation holdfast.dev/skipped.
type Skipped struct {
	// Reason is the value of holdfast.dev/skip that was used up.
	Reason string `json:"reason"`
	// Hash is that of the template that passed.
	Hash Hash `json:"hash"`
	// User is who asked.
	User string `json:"user"`
	// At is when, in UTC, to the millisecond.
	At time.Time `json:"at"`
}

// ParseSkipped reads the annotation; an empty one is the zero value.
func ParseSkipped(encoded string) (Skipped, error) {
	var s Skipped
	if encoded == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return Skipped{}, fmt.Errorf("decode the last skip: %w", err)
	}
	return s, nil
}

// Encode returns the annotation, one line of JSON.
func (s Skipped) Encode() (string, error) {
	s.At = s.At.UTC().Truncate(time.Millisecond)
	encoded, err := json.Marshal(s)
	if err != nil {
		return "", fmt.Errorf("encode the last skip: %w", err)
	}
	return string(encoded), nil
}
