package httproute

import (
	"encoding/json"
	"fmt"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Merge is a merge patch of what the words say: all rules, where they say one, and what else they say.
func Merge(words []sequence.Word) ([]byte, error) {
	patch := Object{}
	var whole []sequence.Word
	for _, w := range words {
		head, name, _ := strings.Cut(w.Key, ".")
		switch {
		case head == rule || head == timeout || head == header || head == named:
			whole = append(whole, w)
		case w.Drop && head == hosts:
			child(patch, "spec")["hostnames"] = nil
		case w.Drop:
			child(patch, "metadata", map[string]string{label: "labels", note: "annotations"}[head])[name] = nil
		default:
			if err := around(patch, head, name, w); err != nil {
				return nil, err
			}
		}
	}
	if len(whole) > 0 {
		o, err := Render(whole, true)
		if err != nil {
			return nil, err
		}
		child(patch, "spec")["rules"] = Rules(o)
	}
	return marshal(patch)
}

// JSON is a JSON patch that makes these changes, as a person writes it who knows the manifest.
func JSON(words []sequence.Word) ([]byte, error) {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		From  string `json:"from,omitempty"`
		Value any    `json:"value,omitempty"`
	}
	var out []operation
	for _, w := range words {
		head, rest, _ := strings.Cut(w.Key, ".")
		first, second, _ := strings.Cut(rest, ".")
		at := "/spec/rules/" + first
		switch head {
		case weight:
			var n int64
			if _, err := fmt.Sscan(w.Value, &n); err != nil {
				return nil, fmt.Errorf("patch %q: %w", w, err)
			}
			out = append(out, operation{Op: "replace", Path: at + "/backendRefs/" + second + "/weight", Value: n})
		case app, insert:
			b, err := backendOf(w.Value)
			if err != nil {
				return nil, err
			}
			to := map[string]string{app: "/backendRefs/-", insert: "/backendRefs/0"}[head]
			out = append(out, operation{Op: "add", Path: at + to, Value: b})
		case cut:
			out = append(out, operation{Op: "remove", Path: at + "/backendRefs/" + second})
		case drop:
			out = append(out, operation{Op: "remove", Path: at})
		case copied:
			out = append(out, operation{Op: "copy", From: at, Path: "/spec/rules/-"})
		case swap:
			var n int
			if _, err := fmt.Sscan(first, &n); err != nil {
				return nil, fmt.Errorf("patch %q: %w", w, err)
			}
			out = append(out, operation{Op: "move", From: fmt.Sprintf("/spec/rules/%d", n+1), Path: at})
		case add:
			r, err := newRule(rest, w.Value)
			if err != nil {
				return nil, err
			}
			out = append(out, operation{Op: "add", Path: "/spec/rules/-", Value: r})
		case waiting:
			out = append(out, operation{Op: "add", Path: at + "/timeouts", Value: Object{"request": w.Value}})
		default:
			return nil, fmt.Errorf("patch %q: it is not known how", w)
		}
	}
	return marshal(out)
}

func marshal(patch any) ([]byte, error) {
	data, err := json.Marshal(patch)
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return data, nil
}
