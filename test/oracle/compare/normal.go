package compare

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"holdfast.dev/holdfast/internal/hold"
)

// podTemplateHash is the label that the deployment controller gives to the templates of ReplicaSets.
const podTemplateHash = "pod-template-hash"

// Normal puts the names in place of what cannot be the same on both sides: the namespace, and the
// times of restarts. Each side has one for as long as a sequence lasts.
type Normal struct {
	Namespace string
	restarts  map[string]string
}

// Learn names the time of a restart that was never seen before after the step that has just been
// taken. A step makes at most one: restarts that follow each other within a second are none.
func (n *Normal) Learn(step int, templates ...hold.Template) {
	if n.restarts == nil {
		n.restarts = map[string]string{}
	}
	for _, t := range templates {
		if time, ok := restart(t).(string); ok && n.restarts[time] == "" {
			n.restarts[time] = fmt.Sprintf("restarted by command %d", step+1)
		}
	}
}

// Name is the name of a restart's time.
func (n *Normal) Name(time string) string { return n.restarts[time] }

// Time is the time of the restart of that name, "" if there was none.
func (n *Normal) Time(name string) string {
	for time, named := range n.restarts {
		if named == name {
			return time
		}
	}
	return ""
}

// Snapshot is a copy with names.
func (n *Normal) Snapshot(s Snapshot) Snapshot {
	out := Snapshot{Broken: s.Broken}
	if s.Object != nil {
		out.Object = n.object(s.Object)
	}
	if s.Record != nil {
		record := *s.Record
		record.Template = n.object(record.Template)
		out.Record = &record
	}
	for _, r := range s.History {
		r.Template, r.Object = n.object(r.Template), n.object(r.Object)
		if labels, ok := at(r.Template, "metadata", "labels").(map[string]any); ok {
			delete(labels, podTemplateHash)
		}
		out.History = append(out.History, r)
	}
	return out
}

func (n *Normal) object(o map[string]any) map[string]any {
	named, _ := n.value(runtime.DeepCopyJSON(o)).(map[string]any)
	return named
}

func (n *Normal) value(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = n.value(v[key])
		}
	case []any:
		for i := range v {
			v[i] = n.value(v[i])
		}
	case string:
		if name := n.restarts[v]; name != "" {
			return name
		}
		if n.Namespace != "" {
			return strings.ReplaceAll(v, n.Namespace, "NAMESPACE")
		}
	}
	return v
}
