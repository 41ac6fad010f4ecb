package evaluatortest

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// Eventf and AnnotatedEventf make a cluster an event recorder.
func (c *Cluster) Eventf(about, related runtime.Object, kind, reason, action, note string, args ...any) {
	m, err := meta.Accessor(about)
	if err != nil || m.GetUID() == "" || reason == "" || action == "" {
		c.T.Errorf("event %s about %v: no object to find it by", reason, about)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Requests = append(c.Requests, "create Event") // those of one reason, action and object would be counted together
	who := "run"
	if about.GetObjectKind().GroupVersionKind().Kind == "Deployment" {
		who = "deployment"
	}
	c.Events = append(c.Events, fmt.Sprintf("%s %s %s: %s", who, kind, reason, fmt.Sprintf(note, args...)))
}

// Told are the reasons of the events about the Deployment, in their order.
func (c *Cluster) Told() []string {
	var out []string
	for _, e := range c.Events {
		if rest, ok := strings.CutPrefix(e, "deployment "); ok {
			reason, _, _ := strings.Cut(strings.Fields(rest)[1], ":")
			out = append(out, reason)
		}
	}
	return out
}

// AnnotatedEventf is an Eventf.
func (c *Cluster) AnnotatedEventf(about, related runtime.Object, _ map[string]string, kind, reason, action, note string, args ...any) {
	c.Eventf(about, related, kind, reason, action, note, args...)
}

// WantEvents says which events the Deployment is to have.
func (c *Cluster) WantEvents(reasons ...string) {
	c.T.Helper()
	if got := c.Told(); !slices.Equal(got, reasons) {
		c.T.Errorf("events on the Deployment: %v, want %v\n%s", got, reasons, strings.Join(c.Events, "\n"))
	}
}
