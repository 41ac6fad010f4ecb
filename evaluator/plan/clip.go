package plan

import (
	"strings"

	"holdfast.dev/holdfast/evaluator/analysis"
)

// maxMessage bounds the messages of a run in bytes; they quote what others wrote.
const maxMessage = 1000

// clip makes one line of at most limit bytes out of a message.
func clip(message string, limit int) string {
	message = analysis.OneLine(strings.ToValidUTF8(message, "?"))
	if len(message) <= limit {
		return message
	}
	const mark = "…"
	return strings.ToValidUTF8(message[:limit-len(mark)], "") + mark
}
