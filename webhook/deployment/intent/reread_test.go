package intent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
)

// TestATextThatWasReadDuringTheHold asks for what was changed in it, by whatever
// it is applied.
func TestATextThatWasReadDuringTheHold(t *testing.T) {
	const withA = `{name: app, image: v2, env: [{name: A, value: a}]}`
	for name, tc := range map[string]struct {
		stable, held, applied, text string
		want                        string
	}{
		"unchanged, it asks for the held template": {
			stable: app1, held: withA, applied: withA, text: app1, want: withA},
		"with a field set": {
			stable: app1, held: withA, applied: withA, text: `{name: app, image: v1, args: [x]}`,
			want: `{name: app, image: v2, args: [x], env: [{name: A, value: a}]}`},
		"with the held template put into it": {
			stable: app1, held: withA, applied: withA, text: withA, want: withA},
		"with a field taken off that was applied": {
			stable: `{name: app, image: v1, args: [x]}`, held: `{name: app, image: v2, args: [x]}`, applied: `{name: app, image: v2, args: [x]}`, text: app1,
			want: app2},
		"with a value that the held template has changed, too": {
			stable: app1, held: withA, applied: withA, text: app3, want: `{name: app, image: v3, env: [{name: A, value: a}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			request := Request{
				Stable: replay.Owned{Template: template(t, tc.stable)}, Asked: replay.Owned{Template: template(t, tc.text)},
				Held:   &Held{Owned: replay.Owned{Template: template(t, tc.held)}, LastApplied: template(t, tc.applied)},
				Writer: Writer{Method: ClientSideApply, Read: template(t, tc.held), LastApplied: template(t, tc.text), By: replay.By{Manager: "kubectl-client-side-apply", APIVersion: "apps/v1"}},
			}
			got, err := Desire(request)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(template(t, tc.want), got.Template); diff != "" || got.Rule != RuleClientSideApply {
				t.Errorf("rule %s (-want +got):\n%s", got.Rule, diff)
			}
			if diff := cmp.Diff(template(t, tc.want), got.Manifest); diff != "" {
				t.Errorf("the manifest to remember (-want +got):\n%s", diff)
			}
		})
	}
}

// TestATextThatReplacesWhatItBroughtBefore has none of what an earlier sending of it brought, and
// who sends it owns what it changes.
func TestATextThatReplacesWhatItBroughtBefore(t *testing.T) {
	const withA = `{name: app, image: v2, env: [{name: A, value: a}]}`
	for name, tc := range map[string]struct{ text, held, want string }{
		"changed back":    {app1, `{name: app, image: v2, env: [{name: A, value: a}, {name: B, value: x}]}`, withA},
		"sent again":      {`{name: app, image: v1, tty: true}`, `{name: app, image: v2, tty: true, env: [{name: A, value: a}]}`, `{name: app, image: v2, tty: true, env: [{name: A, value: a}]}`},
		"changed further": {`{name: app, image: v1, tty: true, stdin: true}`, `{name: app, image: v2, tty: true, env: [{name: A, value: a}]}`, `{name: app, image: v2, tty: true, stdin: true, env: [{name: A, value: a}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Desire(Request{
				Stable: replay.Owned{Template: template(t, app1)}, Asked: replay.Owned{Template: template(t, tc.text)},
				Held:   &Held{Owned: replay.Owned{Template: template(t, tc.held)}},
				Writer: Writer{Method: Reread, Read: template(t, withA), By: replay.By{Manager: "kubectl-replace", APIVersion: "apps/v1"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(template(t, tc.want), got.Template); diff != "" || got.Rule != RuleReread {
				t.Errorf("rule %s (-want +got):\n%s", got.Rule, diff)
			}
		})
	}
}

// TestATextIsRememberedAsItSays: without what the API server fills into what is new in it.
func TestATextIsRememberedAsItSays(t *testing.T) {
	const (
		withA = `{name: app, image: v2, env: [{name: A, value: a}]}`
		text  = `{name: app, image: v1, livenessProbe: {exec: {command: [x]}}}`
		asked = `{name: app, image: v1, livenessProbe: {exec: {command: [x]}, periodSeconds: 10}}`
	)
	for name, tc := range map[string]struct {
		way               Method
		asked, text, want string
	}{
		"read while what stands was held":    {way: Patch, asked: asked, text: text, want: `{name: app, image: v2, env: [{name: A, value: a}], livenessProbe: {exec: {command: [x]}}}`},
		"read while another one was held":    {way: Reread, asked: asked, text: text, want: `{name: app, image: v2, livenessProbe: {exec: {command: [x]}}}`},
		"unchanged":                          {way: Patch, asked: app1, text: app1, want: withA},
		"whoever sends it remembers nothing": {way: Patch, asked: asked},
	} {
		t.Run(name, func(t *testing.T) {
			w := Writer{Method: tc.way, Read: template(t, app2), By: replay.By{Manager: "kubectl-replace", APIVersion: "apps/v1"}}
			var want hold.Template
			if tc.text != "" {
				w.LastApplied, want = template(t, tc.text), template(t, tc.want)
			}
			got, err := Desire(Request{
				Stable: replay.Owned{Template: template(t, app1)}, Asked: replay.Owned{Template: template(t, tc.asked)},
				Held: &Held{Owned: replay.Owned{Template: template(t, withA)}}, Writer: w,
			})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Manifest); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestATextThatWasReadIsAppliedServerSide, and its applier owns all that it says.
func TestATextThatWasReadIsAppliedServerSide(t *testing.T) {
	stable, held := template(t, app1), template(t, `{name: app, image: v2, args: [x]}`)
	text := template(t, `{name: app, image: v1, tty: true}`)
	fields, err := replay.FieldsOf(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Desire(Request{
		Stable: replay.Owned{Template: stable}, Asked: replay.Owned{Template: text}, Held: &Held{Owned: replay.Owned{Template: held}},
		Writer: Writer{Method: ServerSideApply, Read: held, Fields: fields, By: replay.By{Manager: "ci", APIVersion: "apps/v1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := template(t, `{name: app, image: v2, args: [x], tty: true}`)
	if diff := cmp.Diff(want, got.Template); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	all, err := replay.FieldsOf(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]hold.Owner{{Manager: "ci", Operation: "Apply", APIVersion: "apps/v1", Fields: all}}, got.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// TestATextOwnsAnEmptyObjectThatItSays, though somebody else has something in it.
func TestATextOwnsAnEmptyObjectThatItSays(t *testing.T) {
	by := replay.By{Manager: "ci", APIVersion: "apps/v1"}
	stable, held := template(t, `{name: app, image: v1, resources: {requests: {memory: 16Mi}}}`), template(t, `{name: app, image: v2, resources: {requests: {memory: 16Mi}}}`)
	fields, err := replay.FieldsOf(template(t, `{name: app, image: v1, resources: {}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Desire(Request{
		Stable: replay.Owned{Template: stable}, Asked: replay.Owned{Template: stable}, Held: &Held{Owned: replay.Owned{Template: held}},
		Writer: Writer{Method: ServerSideApply, Read: held, Fields: fields, By: by},
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]hold.Owner{{Manager: "ci", Operation: "Apply", APIVersion: "apps/v1", Fields: fields}}, got.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(held, got.Template); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestATextThatIsSentTwiceOwnsWhatItSays: the second time, what is held already has the change, and what the
// API fills in there. Nobody has said that.
func TestATextThatIsSentTwiceOwnsWhatItSays(t *testing.T) {
	by := replay.By{Manager: "ci", APIVersion: "apps/v1"}
	text := template(t, `{name: app, image: v1, livenessProbe: {exec: {command: [x]}}}`)
	fields, err := replay.FieldsOf(text)
	if err != nil {
		t.Fatal(err)
	}
	read := template(t, app2)
	held := template(t, `{name: app, image: v2, livenessProbe: {exec: {command: [x]}, periodSeconds: 10}}`)
	got, err := Desire(Request{
		Stable: replay.Owned{Template: template(t, app1)}, Asked: replay.Owned{Template: text}, Held: &Held{Owned: replay.Owned{Template: held}},
		Writer: Writer{Method: ServerSideApply, Read: read, Fields: fields, By: by},
	})
	if err != nil {
		t.Fatal(err)
	}
	said, err := replay.FieldsOf(template(t, `{name: app, image: v2, livenessProbe: {exec: {command: [x]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]hold.Owner{{Manager: "ci", Operation: "Apply", APIVersion: "apps/v1", Fields: said}}, got.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(held, got.Template); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
