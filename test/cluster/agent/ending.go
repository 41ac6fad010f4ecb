package agent

import (
	"os"
	"strings"

	v1 "k8s.io/api/core/v1"
)

// fallbackLines is how much of a failed container's output stands in for a message that it did not write.
const fallbackLines = 80

// terminationMessage is what the container wrote about its end, or by its policy the end of its log.
func (c *container) terminationMessage(code int) string {
	message, _ := os.ReadFile(c.terminationFile()) // a file that is gone says nothing
	if len(message) == 0 && code != 0 && c.spec.TerminationMessagePolicy == v1.TerminationMessageFallbackToLogsOnError {
		return c.lastOutput()
	}
	return string(message[:min(len(message), terminationMessageMax)])
}

func (c *container) lastOutput() string {
	c.pod.mu.Lock()
	log := c.output
	c.pod.mu.Unlock()
	content, err := os.ReadFile(log.path)
	if err != nil {
		return ""
	}
	tail := strings.Join(logQuery{tail: fallbackLines}.pick(strings.SplitAfter(strings.TrimSpace(string(content)), "\n")), "")
	return tail[max(0, len(tail)-terminationMessageMax/2):]
}

// namespaceFile is the pod's network namespace, nil for a pod in the node's.
func (p *pod) namespaceFile() *os.File {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.network == nil {
		return nil
	}
	return p.network.Namespace
}
