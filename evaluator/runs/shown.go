package runs

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
)

// How long texts of a status may be, in bytes. A run keeps ten measurements of
// each metric, and an object has 1.5 MiB.
const (
	maxMessage = 2 << 10
	maxQuery   = 16 << 10
)

// shown makes the texts of a status fit to be shown: they quote annotations,
// labels of series and what servers say.
func shown(status v1alpha1.CanaryRunStatus) v1alpha1.CanaryRunStatus {
	out := *status.DeepCopy()
	out.Message = plaintext.Line(out.Message, maxMessage)
	for i := range out.Conditions {
		out.Conditions[i].Message = plaintext.Line(out.Conditions[i].Message, maxMessage)
	}
	for i := range out.Metrics {
		for j := range out.Metrics[i].Last {
			m := &out.Metrics[i].Last[j]
			m.Message = plaintext.Line(m.Message, maxMessage)
			m.Query = plaintext.Block(m.Query, maxQuery)
		}
	}
	return out
}
