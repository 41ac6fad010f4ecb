package stage

import (
	"fmt"
	"os"
	"strings"

	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Edit makes this process the editor of kubectl edit if it was started as one, and says whether it
// was. Whoever plays sequences calls it first.
func Edit() (bool, error) {
	line, isEditor := os.LookupEnv(editVariable)
	if !isEditor {
		return false, nil
	}
	words, err := sequence.ParseWords(strings.Fields(line))
	if err != nil {
		return true, err
	}
	path := os.Args[len(os.Args)-1]
	before, err := os.ReadFile(path) //nolint:gosec // kubectl names the file
	if err != nil {
		return true, fmt.Errorf("edit: %w", err)
	}
	after, err := manifest.EditYAML(before, words)
	if err != nil {
		return true, fmt.Errorf("edit %s: %w", path, err)
	}
	if err := os.WriteFile(path, after, 0o600); err != nil { //nolint:gosec // as above
		return true, fmt.Errorf("edit: %w", err)
	}
	return true, nil
}
