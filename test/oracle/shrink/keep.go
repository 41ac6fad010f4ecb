package shrink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Least is the course of the least sequence that is found with so many questions to fail as one did; that one's if it fails
// no more.
func Least[Course any](course Course, of sequence.Sequence, questions int, play func(sequence.Sequence) (Course, error), same func(Course) bool) (Course, error) {
	least := course
	_, err := Minimal(of, questions, func(s sequence.Sequence) (bool, error) {
		again, err := play(s)
		fails := err == nil && same(again)
		if fails {
			least = again
		}
		return fails, err
	})
	return least, err
}

// Keep writes a sequence that fails in an aspect to a folder, to be replayed; nowhere if that is "". seed is that of what
// it was shrunk from.
func Keep(s sequence.Sequence, aspect string, afterCommand int, seed uint64, folder string) error {
	if folder == "" {
		return nil
	}
	s.Why = fmt.Sprintf("%s after command %d", aspect, afterCommand)
	data, err := s.Encode()
	if err != nil {
		return err
	}
	name := filepath.Join(folder, fmt.Sprintf("%s-%d.yaml", strings.ToLower(aspect), seed))
	if err := errors.Join(os.MkdirAll(folder, 0o750), os.WriteFile(name, data, 0o600)); err != nil {
		return fmt.Errorf("keep sequence: %w", err)
	}
	return nil
}
