package control

import (
	"encoding/json"
	"fmt"
	"io"
)

// Descriptors that the supervisor inherits. The listeners were opened in the machine's own network
// namespace and stay there, so whoever connects to them on the loopback reaches the supervisor
// inside its private one.
const (
	ProgressFD = iota + 3
	LockFD
	SocketFD
	APIServerFD
	PrometheusFD
	MetricsFD
	// ParentFD reaches its end when the process that started an attached cluster is gone.
	ParentFD
)

// Arguments by which testcluster becomes the two processes of the supervisor.
const (
	InitArg       = "supervisor-init"
	SupervisorArg = "supervisor"
)

// Progress is one line that the supervisor writes while it starts; the last is Ready or has an Error.
type Progress struct {
	Step  string `json:"step,omitempty"`
	Ready bool   `json:"ready,omitempty"`
	Error string `json:"error,omitempty"`
}

// Follow reads progress until the cluster is ready, telling each step.
func Follow(from io.Reader, step func(string)) error {
	lines := json.NewDecoder(from)
	for {
		var p Progress
		if err := lines.Decode(&p); err != nil {
			return fmt.Errorf("cluster ended before it was ready: %w", err)
		}
		switch {
		case p.Error != "":
			return fmt.Errorf("start cluster: %s", p.Error)
		case p.Ready:
			return nil
		default:
			step(p.Step)
		}
	}
}
