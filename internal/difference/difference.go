// Package difference tells two pod templates apart, as people read differences.
//
// It is pure.
package difference

import (
	"fmt"
	"maps"
	"strings"

	"github.com/pmezard/go-difflib/difflib"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Side is one of the two.
type Side struct {
	// Name stands in the head of the difference.
	Name     string
	Template hold.Template
	// Annotations are those of the Deployment that go with the template.
	Annotations map[string]string
}

// context is how many lines stand around a change.
const context = 3

// maxText is the longest that a difference is, in bytes.
const maxText = 8 << 20

// Unified is the difference between two sides as diff -u writes it, of YAML as it stands in a Deployment; ""
// where there is none. What the API server fills in by itself counts for nothing.
func Unified(from, to Side) (string, error) {
	a, err := from.text()
	if err != nil {
		return "", err
	}
	b, err := to.text()
	if err != nil {
		return "", err
	}
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(a), B: lines(b), FromFile: from.Name, ToFile: to.Name, Context: context,
	})
	if err != nil {
		return "", fmt.Errorf("compare templates: %w", err)
	}
	return plaintext.Block(text, maxText), nil
}

// lines are those of a text, each with its end.
func lines(text string) []string {
	all := strings.SplitAfter(text, "\n")
	return all[:len(all)-1]
}

func (s Side) text() (string, error) {
	object := map[string]any{"spec": map[string]any{"template": hold.Canonical(s.Template)}}
	if len(s.Annotations) > 0 {
		object["metadata"] = map[string]any{"annotations": s.Annotations}
	}
	text, err := yaml.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("write the %s as YAML: %w", s.Name, err)
	}
	return string(text), nil
}

// OfRecord are the stable and the held side of a Deployment.
func OfRecord(annotations map[string]string, stable hold.Template, record hold.Record) (from, to Side) {
	from = Side{Name: "stable template", Template: stable}
	to = Side{Name: "held template (run " + record.Run + ")", Template: record.Template}
	if b := record.Beside; b != nil {
		from.Annotations, to.Annotations = map[string]string{}, map[string]string{}
		for _, key := range b.Keys {
			if value, there := annotations[key]; there {
				from.Annotations[key] = value
			}
		}
		maps.Copy(to.Annotations, b.Annotations)
	}
	return from, to
}
