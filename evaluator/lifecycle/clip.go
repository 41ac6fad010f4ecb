package lifecycle

import (
	"strings"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/plaintext"
)

// maxMessage bounds the messages of a run in bytes; they quote what others wrote.
const maxMessage = 1000

// clip makes one line of at most limit bytes out of a message.
func clip(message string, limit int) string {
	return plaintext.Cut(analysis.OneLine(strings.ToValidUTF8(message, "?")), limit)
}
