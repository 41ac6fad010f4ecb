package replay

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/ownership"
)

// app is a template with one container of these fields, in YAML.
func app(t testing.TB, fields string) hold.Template {
	t.Helper()
	var out hold.Template
	if err := yaml.Unmarshal(fmt.Appendf(nil, "spec: {containers: [{name: app, %s}]}", fields), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// owner has these fields of the container app, in FieldsV1.
func owner(t testing.TB, manager, operation, fields string) hold.Owner {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(fmt.Appendf(nil, `{"f:spec":{"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},%s}}}}`, fields), &out); err != nil {
		t.Fatal(err)
	}
	return hold.Owner{Manager: manager, Operation: operation, APIVersion: "apps/v1", Time: "2026-01-01T00:00:00Z", Fields: out}
}

func ownersOf(o Owned) map[string]string {
	out := map[string]string{}
	for _, owner := range o.Owners {
		data, _ := json.Marshal(owner.Fields)
		out[owner.Operation+" "+owner.Manager] = string(data)
	}
	return out
}

func want(t *testing.T, got Owned, template hold.Template, owners ...hold.Owner) {
	t.Helper()
	if diff := cmp.Diff(template, got.Template); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(ownersOf(Owned{Owners: owners}), ownersOf(got)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

const (
	envA = `"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}`
	envB = `"f:env":{"k:{\"name\":\"B\"}":{".":{},"f:name":{},"f:value":{}}}`
	both = `env: [{name: A, value: a}, {name: B, value: b}]`
)

// onlyB owns variable B and nothing of the container it stands in.
func onlyB(t testing.TB) hold.Owner {
	t.Helper()
	o := owner(t, "kubectl-set", ownership.Update, envB)
	container := o.Fields["f:spec"].(map[string]any)["f:containers"].(map[string]any)[`k:{"name":"app"}`].(map[string]any)
	delete(container, ".")
	delete(container, "f:name")
	return o
}

var flux = By{Manager: "flux", APIVersion: "apps/v1", Time: "2026-02-02T00:00:00Z"}

func TestApplyDropsWhatItAppliedBeforeAndKeepsWhatOthersAdded(t *testing.T) {
	held := Owned{Template: app(t, `image: v2, `+both), Owners: []hold.Owner{owner(t, "flux", ownership.Apply, `"f:image":{},`+envA), onlyB(t)}}
	got, taken, err := Apply(held, app(t, `image: v3`), nil, flux)
	if err != nil || len(taken) > 0 {
		t.Fatal(err, taken)
	}
	want(t, got, app(t, `env: [{name: B, value: b}], image: v3`), owner(t, "flux", ownership.Apply, `"f:image":{}`), onlyB(t))
	for _, o := range got.Owners {
		if wanted := map[string]string{"flux": flux.Time, "kubectl-set": "2026-01-01T00:00:00Z"}[o.Manager]; o.Time != wanted {
			t.Errorf("%s is dated %s, want %s", o.Manager, o.Time, wanted)
		}
	}
}

func TestTheSameApplyAgainChangesNothingNotEvenATime(t *testing.T) {
	held := Owned{Template: app(t, `image: v2, env: [{name: A, value: a}]`), Owners: []hold.Owner{owner(t, "flux", ownership.Apply, `"f:image":{},`+envA)}}
	got, taken, err := Apply(held, held.Template, nil, flux)
	if err != nil || len(taken) > 0 {
		t.Fatal(err, taken)
	}
	if diff := cmp.Diff(held, got); diff != "" {
		t.Error(diff)
	}
}

func TestApplyTellsWhatItTakesFromOthers(t *testing.T) {
	held := Owned{Template: app(t, `image: v2`), Owners: []hold.Owner{owner(t, "kubectl-set", ownership.Update, `"f:image":{}`)}}
	got, taken, err := Apply(held, app(t, `image: v3`), nil, flux)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Conflict{{Manager: "kubectl-set", Field: `.spec.template.spec.containers[name="app"].image`}}, taken); diff != "" {
		t.Error(diff)
	}
	want(t, got, app(t, `image: v3`), owner(t, "flux", ownership.Apply, `"f:image":{}`),
		hold.Owner{Manager: "kubectl-set", Operation: ownership.Update, APIVersion: "apps/v1", Fields: owner(t, "", "", `".":{}`).Fields})
}

func TestConfigurationIsWhatTheApplierSent(t *testing.T) {
	merged := app(t, `image: v2, ports: [{containerPort: 80, protocol: TCP}], `+both)
	got, err := Configuration(merged, owner(t, "flux", ownership.Apply, `"f:image":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{}}},`+envB).Fields)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(app(t, `image: v2, ports: [{containerPort: 80}], env: [{name: B, value: b}]`), got); diff != "" {
		t.Error(diff)
	}
}

// TestAnEmptyObjectIsSentThoughOthersHavePutSomethingIntoIt: of an applier that owns it, and nothing in it.
func TestAnEmptyObjectIsSentThoughOthersHavePutSomethingIntoIt(t *testing.T) {
	merged := app(t, `image: v1, resources: {requests: {memory: 16Mi}}, env: [{name: A}]`)
	got, err := Configuration(merged, owner(t, "ci", ownership.Apply, `"f:image":{},"f:resources":{},"f:env":{}`).Fields)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(app(t, `image: v1, resources: {}, env: []`), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatWasAppliedClientSideMovesToTheApplier(t *testing.T) {
	entry := func(manager, operation string, fields map[string]any) any {
		return map[string]any{"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": map[string]any{"f:spec": fields}}
	}
	replicas := map[string]any{"f:replicas": map[string]any{}}
	before := []any{entry("kubectl-client-side-apply", ownership.Update, replicas), entry("kubectl", ownership.Apply, nil)}
	after := []any{entry("kubectl", ownership.Apply, replicas)}
	held := []hold.Owner{owner(t, "kubectl-client-side-apply", ownership.Update, envA), owner(t, "kubectl", ownership.Apply, `"f:image":{}`)}

	got, err := Move(held, before, after)
	if err != nil {
		t.Fatal(err)
	}
	if wanted := []hold.Owner{owner(t, "kubectl", ownership.Apply, `"f:image":{},`+envA)}; !SameOwners(app(t, both+`, image: v2`), wanted, got) {
		t.Error(cmp.Diff(wanted, got))
	}
	if got, err = Move(held, before, before); err != nil || !SameOwners(app(t, both+`, image: v2`), held, got) {
		t.Error("moved though nothing was", err, got)
	}
}

func TestNewerFieldsAndDoubleNamesAreBorne(t *testing.T) {
	odd := `image: v2, env: [{name: A, value: a}, {name: A, value: b}], newField: {deep: [1, {x: y}]}`
	held := Owned{Template: app(t, odd), Owners: []hold.Owner{owner(t, "jane", ownership.Update, `"f:image":{}`)}}
	got, err := Update(held, app(t, odd+`, args: [a]`), By{Manager: "jane", APIVersion: "apps/v1"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, got, app(t, odd+`, args: [a]`), owner(t, "jane", ownership.Update, `"f:image":{},"f:args":{}`))
}

func TestTheWriterIsWhoGainedFields(t *testing.T) {
	entry := func(manager, operation string, fields ...string) any {
		set := map[string]any{}
		for _, field := range fields {
			set["f:"+field] = map[string]any{}
		}
		return map[string]any{"manager": manager, "operation": operation, "apiVersion": "apps/v1", "fieldsV1": set}
	}
	before := []any{entry("helm", ownership.Update, "a", "b"), entry("flux", ownership.Apply, "c"), entry("kubectl", ownership.Update, "d")}
	for want, after := range map[string][]any{
		"kubectl": {entry("helm", ownership.Update, "a"), entry("flux", ownership.Apply, "c", "e"), entry("kubectl", ownership.Update, "b", "d")},
		"curl":    {entry("helm", ownership.Update, "a"), entry("flux", ownership.Apply, "c"), entry("curl", ownership.Update, "b")},
		"":        {entry("helm", ownership.Update, "a"), entry("flux", ownership.Apply, "c", "b")},
	} {
		if got := Writer(before, after); got != want {
			t.Errorf("the writer is %q, want %q", got, want)
		}
	}
}

func TestWhatIsEmptyBelongsToNobody(t *testing.T) {
	held := Owned{Template: app(t, `image: v2@digest`), Owners: []hold.Owner{owner(t, "jane", ownership.Update, `"f:image":{}`)}}
	got, err := Update(held, app(t, `image: v2, args: [], command: null`), By{Manager: "jane", APIVersion: "apps/v1"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, got, app(t, `image: v2`), owner(t, "jane", ownership.Update, `"f:image":{}`))
}

func TestOwnersOfWhatIsNotThereDoNotCount(t *testing.T) {
	with, without := owner(t, "flux", ownership.Apply, `"f:image":{},"f:args":{}`), owner(t, "flux", ownership.Apply, `"f:image":{}`)
	if !SameOwners(app(t, `image: v1`), []hold.Owner{with}, []hold.Owner{without}) {
		t.Error("an empty list that was applied makes another owner")
	}
	if SameOwners(app(t, `image: v1, args: [x]`), []hold.Owner{with}, []hold.Owner{without}) {
		t.Error("who owns args is no matter")
	}
}
