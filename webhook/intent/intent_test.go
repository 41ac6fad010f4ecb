package intent

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/hold"
)

// template reads a pod template with these containers, in YAML.
func template(t testing.TB, containers string) hold.Template {
	t.Helper()
	var out hold.Template
	if err := yaml.Unmarshal([]byte("spec: {containers: ["+containers+"]}"), &out); err != nil {
		t.Fatalf("template %s: %v", containers, err)
	}
	return out
}

const (
	app1    = `{name: app, image: v1}`
	app2    = `{name: app, image: v2}`
	app3    = `{name: app, image: v3}`
	sidecar = `{name: side, image: s1}`
)

func TestDesired(t *testing.T) {
	for name, tc := range map[string]struct {
		stable, held, asked string
		writer              Writer
		untouched, rollback bool
		want                string
		rule                Rule
	}{
		"without a hold, what was asked for": {
			stable: app1, asked: app2, want: app2, rule: RuleNoHold},
		"server-side apply was merged rightly by the API server": {
			stable: app1, held: app2, asked: app3, writer: Writer{Way: ServerSideApply}, want: app3, rule: RuleServerSideApply},
		"server-side apply of the stable manifest asks for the stable template": {
			stable: app1, held: app2, asked: app1, untouched: true, writer: Writer{Way: ServerSideApply}, want: app1, rule: RuleServerSideApply},
		"replace asks for what it sends": {
			stable: app1, held: app2, asked: app1 + "," + sidecar, writer: Writer{Way: Replace}, want: app1 + "," + sidecar, rule: RuleReplace},
		"a rollback asks for what it sends": {
			stable: app1, held: app2 + "," + sidecar, asked: app3, rollback: true, writer: Writer{Way: Patch}, want: app3, rule: RuleRollback},
		"client-side apply of the stable manifest asks for the stable template": {
			stable: app1, held: app2, asked: app1, untouched: true,
			writer: Writer{Way: ClientSideApply, LastApplied: LastApplied{Before: template(t, app2), After: template(t, app1)}},
			want:   app1, rule: RuleClientSideApply},
		"client-side apply drops from the held template what the last one applied": {
			stable: app1, held: `{name: app, image: v2, args: [a]}`, asked: app3,
			writer: Writer{Way: ClientSideApply, LastApplied: LastApplied{Before: template(t, `{name: app, image: v2, args: [a]}`), After: template(t, app3)}},
			want:   app3, rule: RuleClientSideApply},
		"client-side apply leaves in the held template what nobody applied": {
			stable: app1, held: app2 + "," + sidecar, asked: app3,
			writer: Writer{Way: ClientSideApply, LastApplied: LastApplied{Before: template(t, app2), After: template(t, app3)}},
			want:   app3 + "," + sidecar, rule: RuleClientSideApply},
		"a request that leaves the template alone asks for the held one": {
			stable: app1, held: app2, asked: app1, untouched: true, writer: Writer{Way: Patch}, want: app2, rule: RuleUntouched},
		"a patch is made to the held template": {
			stable: app1, held: app2, asked: `{name: app, image: v1, args: [a]}`, writer: Writer{Way: Patch},
			want: `{name: app, image: v2, args: [a]}`, rule: RuleDifference},
		"a patch that removes is made to the held template": {
			stable: `{name: app, image: v1, args: [a]}`, held: `{name: app, image: v2, args: [a]}`, asked: app1, writer: Writer{Way: Patch},
			want: app2, rule: RuleDifference},
		"the same patch again asks for the held template": {
			stable: app1, held: app2, asked: app2, writer: Writer{Way: Patch}, want: app2, rule: RuleDifference},
		"a new container is added to the held template, by its name": {
			stable: app1, held: app2, asked: app1 + "," + sidecar, writer: Writer{Way: Patch}, want: app2 + "," + sidecar, rule: RuleDifference},
		"fields that the client library does not know are patched too": {
			stable: app1, held: app2, asked: `{name: app, image: v1, newField: {a: [1, 2]}}`, writer: Writer{Way: Patch},
			want: `{name: app, image: v2, newField: {a: [1, 2]}}`, rule: RuleDifference},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Stable: template(t, tc.stable), Asked: template(t, tc.asked), Touched: !tc.untouched, RollsBack: tc.rollback, Writer: tc.writer}
			if tc.held != "" {
				r.Held = template(t, tc.held)
			}
			got, rule, err := Desired(r)
			if err != nil {
				t.Fatal(err)
			}
			if rule != tc.rule {
				t.Errorf("rule %s, want %s", rule, tc.rule)
			}
			sameTemplate(t, got, template(t, tc.want))
		})
	}
}

func sameTemplate(t *testing.T, got, want hold.Template) {
	t.Helper()
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if diff := cmp.Diff(string(b), string(a)); diff != "" {
		t.Errorf("template differs (-want +got):\n%s", diff)
	}
}

func TestWithImage(t *testing.T) {
	in := template(t, app1+","+sidecar)
	got, err := WithImage(in, "side", "s2")
	if err != nil {
		t.Fatal(err)
	}
	sameTemplate(t, got, template(t, app1+`, {name: side, image: s2}`))
	sameTemplate(t, in, template(t, app1+","+sidecar))
	if _, err := WithImage(in, "", "s2"); err == nil {
		t.Error("took one of two containers without being told which")
	}
	if _, err := WithImage(in, "none", "s2"); err == nil {
		t.Error("took a container that is not there")
	}
	if got, err = WithImage(template(t, app1), "", "v2"); err != nil {
		t.Fatal(err)
	}
	sameTemplate(t, got, template(t, app2))
}

// FuzzDesired merges whatever templates there may be: it must not panic, and
// asking for nothing must ask for the held template.
func FuzzDesired(f *testing.F) {
	f.Add(`{"spec":{"containers":[{"name":"a","image":"1"}]}}`, `{"spec":{"containers":[{"name":"a","image":"2"}]}}`, `{"spec":{"containers":[{"name":"b"}]}}`)
	f.Add(`{"spec":{"containers":[{"env":[{"name":"A"}]}]}}`, `{"spec":null}`, `{"metadata":{"labels":{"a":"b"}}}`)
	f.Add(`{"spec":[]}`, `{"spec":{"containers":{}}}`, `{"x":{"y":[1,{"z":null}]}}`)
	f.Fuzz(func(t *testing.T, stable, held, asked string) {
		var s, h, n hold.Template
		for text, into := range map[string]*hold.Template{stable: &s, held: &h, asked: &n} {
			if json.Unmarshal([]byte(text), into) != nil || *into == nil {
				return
			}
		}
		if s == nil || h == nil || n == nil {
			return
		}
		_, _, _ = Desired(Request{Stable: s, Held: h, Asked: n, Touched: true, Writer: Writer{Way: Patch}})
		_, _, _ = Desired(Request{Stable: s, Held: h, Asked: n, Touched: true, Writer: Writer{Way: ClientSideApply, LastApplied: LastApplied{Before: s, After: n}}})
		got, _, err := Desired(Request{Stable: s, Held: h, Asked: s, Writer: Writer{Way: Patch}})
		if err == nil {
			sameTemplate(t, got, h)
		}
	})
}
