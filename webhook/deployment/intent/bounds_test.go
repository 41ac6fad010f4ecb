package intent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/deployment/intent/replay"
)

// variables is a request for a template with n variables, while one with n others
// is held and one with n others again is stable.
func variables(t testing.TB, n int, way Method) Request {
	t.Helper()
	of := func(prefix string) replay.Owned {
		env, owned := make([]string, n), make([]string, n)
		for i := range n {
			env[i] = fmt.Sprintf(`{name: %s%d, value: x}`, prefix, i)
			owned[i] = fmt.Sprintf(`"k:{\"name\":\"%s%d\"}":{".":{},"f:name":{},"f:value":{}}`, prefix, i)
		}
		operation := "Update"
		if way == ServerSideApply {
			operation = "Apply"
		}
		return replay.Owned{
			Template: template(t, "{name: app, image: v1, env: ["+strings.Join(env, ",")+"]}"),
			Owners: []hold.Owner{{Manager: "m", Operation: operation, APIVersion: "apps/v1",
				Fields: fields(t, `{".":{},"f:name":{},"f:image":{},"f:env":{".":{},`+strings.Join(owned, ",")+`}}`)}},
		}
	}
	asked, held := of("a"), of("h")
	return Request{
		Stable: of("s"), Asked: asked, Held: &Held{Owned: held, LastApplied: held.Template},
		Writer: Writer{Method: way, By: replay.By{Manager: "m", APIVersion: "apps/v1"}, Fields: asked.Owners[0].Fields, LastApplied: asked.Template},
	}
}

func TestLongListsThatChangeAreNotMerged(t *testing.T) {
	for _, way := range []Method{ClientSideApply, Manifest, Patch} {
		if _, err := Desire(variables(t, 300, way)); err != nil {
			t.Errorf("%s of 300 elements: %v", way, err)
		}
		_, err := Desire(variables(t, 1600, way))
		if err == nil || !strings.Contains(err.Error(), "spec.containers[app].env has ") || !strings.Contains(err.Error(), "use kubectl apply --server-side") {
			t.Errorf("%s of 1600 elements: %v", way, err)
		}
	}
	if _, err := Desire(variables(t, 1600, ServerSideApply)); err != nil {
		t.Errorf("applied by owners: %v", err)
	}
	for _, way := range []Method{ServerSideApply, Manifest} {
		_, err := Desire(variables(t, 3100, way))
		if err == nil || !strings.Contains(err.Error(), "spec.containers[app].env has ") || !strings.Contains(err.Error(), "use kubectl replace") {
			t.Errorf("%s of 3100 elements: %v", way, err)
		}
	}
	for _, way := range []Method{Replace, Rollback, Undo} {
		if _, err := Desire(variables(t, 3100, way)); err != nil {
			t.Errorf("%s, which merges nothing here: %v", way, err)
		}
	}
}

func TestSeveralListsCountTogether(t *testing.T) {
	of := func(prefix string, lists int) hold.Template {
		var containers []string
		for c := range lists {
			var env []string
			for i := range 400 {
				env = append(env, fmt.Sprintf(`{name: %s%d, value: x}`, prefix, i))
			}
			containers = append(containers, fmt.Sprintf(`{name: c%d, env: [%s]}`, c, strings.Join(env, ",")))
		}
		return template(t, strings.Join(containers, ","))
	}
	for lists, refused := range map[int]bool{4: false, 20: true} {
		if _, err := transplant(of("s", lists), of("a", lists), of("h", lists), false); (err != nil) != refused {
			t.Errorf("%d lists of 400 elements: %v, want refused: %t", lists, err, refused)
		}
	}
}

func TestALongListThatStaysIsMergedRound(t *testing.T) {
	r := variables(t, 3000, Patch)
	with := func(image string) hold.Template {
		out := deepCopy(r.Stable.Template)
		out["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)["image"] = image
		return out
	}
	r.Asked.Template, r.Held.Template = with("v2"), with("v3")
	r.Writer.LastApplied, r.Held.LastApplied = r.Asked.Template, r.Held.Template
	for _, way := range []Method{ClientSideApply, Patch} {
		r.Writer.Method = way
		got, err := Desire(r)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		sameTemplate(t, got.Template, r.Asked.Template)
	}
}

// Elements without a key are compared with each other. If each were with each,
// this would take a minute.
func TestLongListsWithoutKeysAreExchanged(t *testing.T) {
	of := func(prefix string) hold.Template {
		var list []any
		for i := range 20_000 {
			list = append(list, map[string]any{"key": fmt.Sprint(prefix, i)})
		}
		return hold.Template{"spec": map[string]any{"tolerations": list}}
	}
	got, err := transplant(of("s"), of("a"), of("h"), false)
	if err != nil {
		t.Fatal(err)
	}
	tolerations := got["spec"].(map[string]any)["tolerations"].([]any)
	if first := tolerations[20_000].(map[string]any)["key"]; len(tolerations) != 40_000 || first != "a0" {
		t.Errorf("%d tolerations, behind those that are held %v; want 40000, and a0", len(tolerations), first)
	}
}

func TestElementsThatCannotBeToldApartAreRefused(t *testing.T) {
	var odd hold.Template
	if err := json.Unmarshal([]byte(`{"spec":{"containers":[{"name":{},"image":"a"},{"name":["b"]}]}}`), &odd); err != nil {
		t.Fatal(err)
	}
	_, err := threeWayMerge(template(t, app1), odd, template(t, app2))
	if err == nil || !strings.Contains(err.Error(), "spec.containers[0].name is a list or an object") {
		t.Errorf("error %v", err)
	}
}
