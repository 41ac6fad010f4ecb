package evaluator

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// Eventf and AnnotatedEventf make a cluster an event recorder.
func (c *cluster) Eventf(about, related runtime.Object, kind, reason, action, note string, args ...any) {
	m, err := meta.Accessor(about)
	if err != nil || m.GetUID() == "" || reason == "" || action == "" {
		c.t.Errorf("event %s about %v: no object to find it by", reason, about)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	who := "run"
	if about.GetObjectKind().GroupVersionKind().Kind == "Deployment" {
		who = "deployment"
	}
	c.events = append(c.events, fmt.Sprintf("%s %s %s: %s", who, kind, reason, fmt.Sprintf(note, args...)))
}

// told are the reasons of the events about the Deployment, in their order.
func (c *cluster) told() []string {
	var out []string
	for _, e := range c.events {
		if rest, ok := strings.CutPrefix(e, "deployment "); ok {
			reason, _, _ := strings.Cut(strings.Fields(rest)[1], ":")
			out = append(out, reason)
		}
	}
	return out
}

func (c *cluster) AnnotatedEventf(about, related runtime.Object, _ map[string]string, kind, reason, action, note string, args ...any) {
	c.Eventf(about, related, kind, reason, action, note, args...)
}

func (c *cluster) wantEvents(reasons ...string) {
	c.t.Helper()
	if got := c.told(); !slices.Equal(got, reasons) {
		c.t.Errorf("events on the Deployment: %v, want %v\n%s", got, reasons, strings.Join(c.events, "\n"))
	}
}
