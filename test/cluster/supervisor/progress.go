package supervisor

import (
	"encoding/json"
	"os"

	"holdfast.dev/holdfast/test/cluster/control"
)

// progress tells the process that started the cluster how far it is. That process may be gone; then
// nobody is told.
type progress struct {
	pipe  *os.File
	lines *json.Encoder
}

func newProgress() *progress {
	pipe := os.NewFile(control.ProgressFD, "progress")
	return &progress{pipe: pipe, lines: json.NewEncoder(pipe)}
}

func (p *progress) step(what string) { _ = p.lines.Encode(control.Progress{Step: what}) }

func (p *progress) ready() {
	_ = p.lines.Encode(control.Progress{Ready: true})
	p.pipe.Close()
}

func (p *progress) fail(err error) {
	_ = p.lines.Encode(control.Progress{Error: err.Error()})
	p.pipe.Close()
}
