// Package clientstate keeps true what clients remember on a Deployment, while an
// update is held. It is pure.
//
// kubectl's client-side apply remembers the manifest it applied last, to know
// which fields one drops. That is about the template as ownership is: the
// object runs the stable template, so what is remembered of the template must be
// what was applied with that. It stays at a hold, the new one travels in the held
// record, and it comes with the template at the release.
//
// And clients compare before they send: what asks for the stable template, which
// stands in the cluster, would never be sent, and a held update never withdrawn.
// So while an update is held (or counts as failed) what they compare has a mark.
package clientstate

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/api/hold"
)

// LastAppliedAnnotation is where kubectl keeps what was applied client-side.
const LastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"

// LastApplied is the value of that annotation, "" if there is none.
type LastApplied string

// Template is the pod template of the manifest, nil if it has none that can be read.
func (l LastApplied) Template() hold.Template {
	spec, _ := l.decode()["spec"].(map[string]any)
	template, _ := spec["template"].(map[string]any)
	return template
}

// WithTemplate is the manifest with another pod template, or without one. What
// cannot be read stays as it is, and so do the bytes where nothing changes.
func (l LastApplied) WithTemplate(t hold.Template) LastApplied {
	manifest := l.decode()
	if manifest == nil || reflect.DeepEqual(l.Template(), t) {
		return l
	}
	spec, _ := manifest["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
		manifest["spec"] = spec
	}
	delete(spec, "template")
	if t != nil {
		spec["template"] = t
	}
	var out bytes.Buffer
	if err := json.NewEncoder(&out).Encode(manifest); err != nil { // as kubectl does, with its line break
		return l
	}
	return LastApplied(out.String())
}

func (l LastApplied) decode() map[string]any {
	var manifest map[string]any
	if l == "" || utiljson.Unmarshal([]byte(l), &manifest) != nil {
		return nil
	}
	return manifest
}

// lineBreak ends what kubectl writes, and the mark what is marked.
const lineBreak, mark = "\n", "\n "

// Marked has a blank at its end: the same manifest, but other than any client writes.
func (l LastApplied) Marked() LastApplied {
	if l.decode() == nil {
		return l
	}
	return LastApplied(strings.TrimRight(string(l), lineBreak+" ") + mark)
}

// Unmarked is what kubectl wrote.
func (l LastApplied) Unmarked() LastApplied {
	if !strings.HasSuffix(string(l), mark) {
		return l
	}
	return l[:len(l)-len(mark)] + lineBreak
}
