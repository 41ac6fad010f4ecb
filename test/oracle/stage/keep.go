package stage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Keep writes a sequence that fails in an aspect to a folder, to be replayed; nowhere if that is "". seed is
// that of what it was shrunk from.
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
