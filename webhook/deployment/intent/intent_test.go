package intent

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
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
		stable, held, asked         string
		way                         Method
		lastApplied, lastAppliedNow string
		want                        string
		rule                        Rule
	}{
		"without a hold, what was asked for": {
			stable: app1, asked: app2, want: app2, rule: RuleNoHold},
		"replace asks for what it sends": {
			stable: app1, held: app2, asked: app1 + "," + sidecar, way: Replace, want: app1 + "," + sidecar, rule: RuleReplace},
		"a rollback asks for what it sends": {
			stable: app1, held: app2 + "," + sidecar, asked: app3, way: Rollback, want: app3, rule: RuleRollback},
		"an undo asks for the stable template, whatever is sent": {
			stable: app1, held: app2, asked: app3, way: Undo, want: app1, rule: RuleUndo},
		"withdrawing asks for the stable template, whatever is sent": {
			stable: app1, held: app2, asked: app3, way: Withdraw, want: app1, rule: RuleWithdraw},
		"client-side apply of the stable manifest asks for the stable template": {
			stable: app1, held: app2, asked: app1, way: ClientSideApply, lastApplied: app2, lastAppliedNow: app1,
			want: app1, rule: RuleClientSideApply},
		"client-side apply drops from the held template what the last one applied": {
			stable: app1, held: `{name: app, image: v2, args: [a]}`, asked: app3, way: ClientSideApply,
			lastApplied: `{name: app, image: v2, args: [a]}`, lastAppliedNow: app3,
			want: app3, rule: RuleClientSideApply},
		"client-side apply leaves in the held template what nobody applied": {
			stable: app1, held: app2 + "," + sidecar, asked: app3, way: ClientSideApply, lastApplied: app2, lastAppliedNow: app3,
			want: app3 + "," + sidecar, rule: RuleClientSideApply},
		"a request that leaves the template alone asks for the held one": {
			stable: app1, held: app2, asked: app1, way: Patch, want: app2, rule: RuleUntouched},
		"a patch is made to the held template": {
			stable: app1, held: app2, asked: `{name: app, image: v1, args: [a]}`, way: Patch,
			want: `{name: app, image: v2, args: [a]}`, rule: RuleDifference},
		"a patch that removes is made to the held template": {
			stable: `{name: app, image: v1, args: [a]}`, held: `{name: app, image: v2, args: [a]}`, asked: app1, way: Patch,
			want: app2, rule: RuleDifference},
		"the same patch again asks for the held template": {
			stable: app1, held: app2, asked: app2, way: Patch, want: app2, rule: RuleDifference},
		"a new container is added to the held template, by its name": {
			stable: app1, held: app2, asked: app1 + "," + sidecar, way: Patch, want: app2 + "," + sidecar, rule: RuleDifference},
		"what is new comes behind what is held, in lists below lists too": {
			stable: app1, held: `{name: app, image: v1, env: [{name: C, value: c}]},` + sidecar, asked: `{name: app, image: v1, env: [{name: A, value: a}]}`, way: Patch,
			want: `{name: app, image: v1, env: [{name: C, value: c}, {name: A, value: a}]},` + sidecar, rule: RuleDifference},
		"what is new and what is changed are told apart": {
			stable: app1, held: `{name: app, image: v1, env: [{name: C, value: c}]}`, asked: `{name: app, image: v1, env: [{name: A, value: a}, {name: C, value: d}]}`, way: Patch,
			want: `{name: app, image: v1, env: [{name: C, value: d}, {name: A, value: a}]}`, rule: RuleDifference},
		"what takes off all that the stable template has of a list takes off no more": {
			stable: `{name: app, image: v1, env: [{name: A, value: a}], resources: {requests: {cpu: 5m}}}`,
			held:   `{name: app, image: v1, env: [{name: A, value: a}, {name: B, value: b}], resources: {requests: {cpu: 5m, memory: 8Mi}}}`,
			asked:  app1, way: Patch,
			want: `{name: app, image: v1, env: [{name: B, value: b}], resources: {requests: {memory: 8Mi}}}`, rule: RuleDifference},
		"what takes off the whole of a map leaves no shell of it": {
			stable: `{name: app, image: v1, livenessProbe: {httpGet: {path: /live}}}`, held: `{name: app, image: v2, livenessProbe: {httpGet: {path: /live}}}`,
			asked: app1, way: Patch, want: app2, rule: RuleDifference},
		"what is there already stays in its place": {
			stable: `{name: app, image: v1, env: [{name: B, value: b}]}`, held: `{name: app, image: v1, env: [{name: A, value: a}, {name: B, value: b}]}`,
			asked: `{name: app, image: v1, env: [{name: B, value: b}, {name: A, value: c}]}`, way: Patch,
			want: `{name: app, image: v1, env: [{name: A, value: c}, {name: B, value: b}]}`, rule: RuleDifference},
		"another order of the same is kept": {
			stable: app1 + "," + sidecar, held: app2 + "," + sidecar, asked: sidecar + "," + app1, way: Patch, want: sidecar + "," + app2, rule: RuleDifference},
		"elements that have no key are the same where they are equal": {
			stable: `{name: app, image: v1, envFrom: [{prefix: a}, {prefix: b}]}`, held: `{name: app, image: v1, envFrom: [{prefix: b}, {prefix: c}]}`,
			asked: `{name: app, image: v1, envFrom: [{prefix: a}, {prefix: d}]}`, way: Patch,
			want: `{name: app, image: v1, envFrom: [{prefix: c}, {prefix: d}]}`, rule: RuleDifference},
		"what takes off all of such a list takes off no more": {
			stable: `{name: app, image: v1, envFrom: [{prefix: a}]}`, held: `{name: app, image: v1, envFrom: [{prefix: a}, {prefix: c}]}`,
			asked: app1, way: Patch, want: `{name: app, image: v1, envFrom: [{prefix: c}]}`, rule: RuleDifference},
		"arguments mean something as a whole only": {
			stable: `{name: app, image: v1, args: [a, b]}`, held: `{name: app, image: v1, args: [b, c]}`,
			asked: `{name: app, image: v1, args: [a, d]}`, way: Patch,
			want: `{name: app, image: v1, args: [a, d]}`, rule: RuleDifference},
		"fields that the client library does not know are patched too": {
			stable: app1, held: app2, asked: `{name: app, image: v1, newField: {a: [1, 2]}}`, way: Patch,
			want: `{name: app, image: v2, newField: {a: [1, 2]}}`, rule: RuleDifference},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{
				Stable: replay.Owned{Template: template(t, tc.stable)},
				Asked:  replay.Owned{Template: template(t, tc.asked)},
				Writer: Writer{Method: tc.way, By: replay.By{Manager: "jane", APIVersion: "apps/v1"}, LastApplied: template(t, tc.lastAppliedNow)},
			}
			if tc.held != "" {
				r.Held = &Held{Owned: replay.Owned{Template: template(t, tc.held)}, LastApplied: template(t, tc.lastApplied)}
			}
			got, err := Desire(r)
			if err != nil {
				t.Fatal(err)
			}
			if got.Rule != tc.rule {
				t.Errorf("rule %s, want %s", got.Rule, tc.rule)
			}
			sameTemplate(t, got.Template, template(t, tc.want))
		})
	}
}

func TestAServerSideApplyIsMadeOnTheHeldTemplate(t *testing.T) {
	held := &Held{Owned: replay.Owned{
		Template: template(t, `{name: app, image: v2, env: [{name: A, value: a}, {name: B, value: b}]}`),
		Owners: []hold.Owner{
			{Manager: "flux", Operation: "Apply", APIVersion: "apps/v1", Fields: fields(t, `{"f:image":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}}`)},
			{Manager: "kubectl-set", Operation: "Update", APIVersion: "apps/v1", Fields: fields(t, `{"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}}}`)},
		},
	}}
	got, err := Desire(Request{
		Stable: replay.Owned{Template: template(t, app1)},
		Asked:  replay.Owned{Template: template(t, app3)},
		Held:   held,
		Writer: Writer{Method: ServerSideApply, By: replay.By{Manager: "flux", APIVersion: "apps/v1"}, Fields: fields(t, `{".":{},"f:name":{},"f:image":{}}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	// What flux applied and dropped goes, what another tool added stays.
	sameTemplate(t, got.Template, template(t, `{name: app, image: v3, env: [{name: B, value: b}]}`))
	if got.Rule != RuleServerSideApply || len(got.Taken) != 0 {
		t.Errorf("rule %s, taken %v", got.Rule, got.Taken)
	}
}

// fields are those of a template whose container app has these.
func fields(t testing.TB, container string) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(`{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":`+container+`}}}`), &out); err != nil {
		t.Fatal(err)
	}
	return out
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

// FuzzDesire merges whatever templates there may be: it must not panic, and asking
// for nothing must ask for the held template.
func FuzzDesire(f *testing.F) {
	f.Add(`{"spec":{"containers":[{"name":"a","image":"1"}]}}`, `{"spec":{"containers":[{"name":"a","image":"2"}]}}`, `{"spec":{"containers":[{"name":"b"}]}}`, `{"f:spec":{}}`)
	f.Add(`{"spec":{"containers":[{"env":[{"name":"A"}]}]}}`, `{"spec":null}`, `{"metadata":{"labels":{"a":"b"}}}`, `{"f:metadata":{"f:labels":{"f:a":{}}}}`)
	f.Add(`{"spec":[]}`, `{"spec":{"containers":{}}}`, `{"x":{"y":[1,{"z":null}]}}`, `{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{}}}}`)
	f.Fuzz(func(t *testing.T, stable, held, asked, owned string) {
		var s, h, n hold.Template
		var of map[string]any
		for text, into := range map[string]*map[string]any{stable: &s, held: &h, asked: &n, owned: &of} {
			if json.Unmarshal([]byte(text), into) != nil || *into == nil {
				return
			}
		}
		if s == nil || h == nil || n == nil {
			return
		}
		owner := hold.Owner{Manager: "m", Operation: "Apply", APIVersion: "apps/v1", Fields: of}
		r := Request{
			Stable: replay.Owned{Template: s}, Asked: replay.Owned{Template: n},
			Held: &Held{Owned: replay.Owned{Template: h, Owners: []hold.Owner{owner}}, LastApplied: s},
		}
		for _, way := range []Method{ServerSideApply, ClientSideApply, Manifest, Replace, Withdraw, Undo, Rollback, Owners, Patch} {
			r.Writer = Writer{Method: way, By: replay.By{Manager: "m", APIVersion: "apps/v1"}, Fields: of, LastApplied: n}
			_, _ = Desire(r)
		}
		r.Asked, r.Writer.Method = r.Stable, Patch
		if got, err := Desire(r); err == nil {
			sameTemplate(t, got.Template, h)
		}
	})
}
