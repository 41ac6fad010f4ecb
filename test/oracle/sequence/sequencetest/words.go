// Package sequencetest reads parts of sequences in tests.
package sequencetest

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Words are those of a line, which must be right.
func Words(t testing.TB, line string) []sequence.Word {
	t.Helper()
	out, err := sequence.ParseWords(strings.Fields(line))
	if err != nil {
		t.Fatal(err)
	}
	return out
}
