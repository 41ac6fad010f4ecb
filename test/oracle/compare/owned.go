package compare

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// owned looks whether who applies a text that was read owns the same, where a part of the held template was
// taken off the text. What others own stays in the template, so that this is all there is to see.
func (s Step) owned() Difference {
	if len(s.unread()) == 0 {
		return Difference{}
	}
	unguarded, guarded := s.applierOwns()
	return Difference{Owned, Diff(unguarded, guarded)}.ifAny()
}

func (d Difference) ifAny() Difference {
	if d.Detail == "" {
		return Difference{}
	}
	return d
}

// explainOwned is for a text from which a part of the held template was taken off: the guarded one, which
// shows the stable template, has nothing of it.
func (s Step) explainOwned() (Explanation, bool) {
	unread := s.unread()
	for _, field := range differing(s.applierOwns()) {
		path := pathOf(strings.TrimPrefix(field, "/"))
		if !slices.ContainsFunc(unread, func(off string) bool { return within(off, path) }) {
			return "", false
		}
	}
	return ClientSentLess, true
}

// unread are the paths of the held template that the unguarded client took off the text that it applied
// server-side, and that the guarded one has not read. There are none without a hold.
func (s Step) unread() []string {
	requests := s.Outcome.Unguarded.Requests
	if s.Command.Verb != sequence.RereadServer || s.Before.Guarded.Record == nil || s.After.Guarded.Record == nil || len(requests) == 0 {
		return nil
	}
	var text any
	if json.Unmarshal([]byte(requests[len(requests)-1].Body), &text) != nil {
		return nil
	}
	sent, stable := leaves(text), leaves(s.Before.Guarded.standing())
	var out []string
	for path := range leaves(templateOf(s.Before.Unguarded.Desired())) {
		_, isSent := sent[path]
		_, isStable := stable[path]
		if !isSent && !isStable {
			out = append(out, path)
		}
	}
	return out
}

// applierOwns is what the field manager of the command owns of the template, on the guarded side of the held
// one.
func (s Step) applierOwns() (unguarded, guarded any) {
	manager, before := s.Command.Option(sequence.By), "f:spec/f:template/"
	of := map[string]any{}
	for field, is := range shallow(OwnersOf(s.After.Unguarded.Object)[manager+" Apply"]) {
		if strings.HasPrefix(field, before) {
			of[field] = is
		}
	}
	held := map[string]any{}
	for _, owner := range s.After.Guarded.Record.Owners {
		if owner.Manager == manager && owner.Operation == "Apply" {
			var fields []string
			fieldPaths(&fields, "", map[string]any{"f:spec": map[string]any{"f:template": owner.Fields}})
			for _, field := range fields {
				held[field] = "owned"
			}
		}
	}
	return of, held
}

var (
	ofElement = regexp.MustCompile(`/k:(\{[^}]*\})`)
	ofField   = regexp.MustCompile(`(^|/|\])f:`)
)

// pathOf is the path of the leaves at or below a field of managedFields.
func pathOf(field string) string {
	field = strings.TrimSuffix(field, "/.")
	field = ofElement.ReplaceAllStringFunc(field, func(key string) string {
		var element map[string]any
		if json.Unmarshal([]byte(strings.TrimPrefix(key, "/k:")), &element) != nil {
			return key
		}
		return "[" + elementKey(element, 0) + "]"
	})
	return "/" + strings.TrimPrefix(ofField.ReplaceAllString(field, "$1"), "/")
}
