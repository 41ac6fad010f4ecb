package clientstate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/internal/hold"
)

const manifest LastApplied = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web"},"spec":{"replicas":3,"template":{"metadata":{"labels":{"a":"\u003cb\u003e"}},"spec":{"hostIPC":false}}}}` + "\n"

func TestTheTemplateOfAManifestIsExchangedAndNothingElse(t *testing.T) {
	template := manifest.Template()
	if diff := cmp.Diff(hold.Template{"metadata": map[string]any{"labels": map[string]any{"a": "<b>"}}, "spec": map[string]any{"hostIPC": false}}, template); diff != "" {
		t.Fatal(diff)
	}
	without := manifest.WithTemplate(nil)
	if without.Template() != nil {
		t.Errorf("still a template in %s", without)
	}
	// Back again it is, byte for byte, what kubectl wrote.
	want := LastApplied(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{},"name":"web"},"spec":{"replicas":3,"template":{"metadata":{"labels":{"a":"\u003cb\u003e"}},"spec":{"hostIPC":false}}}}` + "\n")
	if diff := cmp.Diff(want, without.WithTemplate(template)); diff != "" {
		t.Error(diff)
	}
}

func TestWhereNothingChangesNoByteDoes(t *testing.T) {
	for _, l := range []LastApplied{manifest, "", "garbage", "[]", `{"spec":7}`, `{ "spec" : { "template" : {} } }`} {
		if got := l.WithTemplate(l.Template()); got != l {
			t.Errorf("%q became %q", l, got)
		}
	}
}

func TestAMarkIsPutOnAndTakenOff(t *testing.T) {
	marked := manifest.Marked("holdfast.dev/held")
	if marked == manifest || marked.Marked("holdfast.dev/held") != marked {
		t.Errorf("marked is %q, twice %q", marked, marked.Marked("holdfast.dev/held"))
	}
	if diff := cmp.Diff(manifest.Template(), marked.Template()); diff != "" {
		t.Errorf("the mark changes the manifest: %s", diff)
	}
	if marked.Unmarked() != manifest || manifest.Unmarked() != manifest {
		t.Errorf("unmarked is %q", marked.Unmarked())
	}
	read := LastApplied(`{"metadata":{"annotations":{"a":"b","holdfast.dev/held":"{}","holdfast.dev/rejected":"[]","holdfast.dev/stable":"x"}}}`)
	if read.Annotation("holdfast.dev/stable") != "x" || read.Annotation("c") != "" || LastApplied("garbage").Annotation("a") != "" {
		t.Error("the annotations of a manifest are not read")
	}
	if got := read.Unmarked(); got != "{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}\n" {
		t.Errorf("of a text that was read there is left %s", got)
	}
	if garbage := LastApplied("garbage"); garbage.Marked("holdfast.dev/held") != garbage {
		t.Error("garbage was marked")
	}
	for _, l := range []LastApplied{ // annotations that are none
		`{"metadata":{"annotations":{"a":{}}}}`,
		`{"metadata":{"annotations":{"a":["b"],"c":null,"d":7}}}`,
		`{"metadata":{"annotations":{}}}`,
		`{"metadata":{}}`,
	} {
		if got := l.Unmarked(); got != l {
			t.Errorf("%s without a mark became %s", l, got)
		}
		marked := l.Marked("holdfast.dev/held")
		if marked == l || marked.Marked("holdfast.dev/held") != marked {
			t.Errorf("%s is marked as %s", l, marked)
		}
	}
	if MarkedRelease("") != "" || MarkedRelease(MarkedRelease("web")) != "web " || UnmarkedRelease("web ") != "web" || UnmarkedRelease("web") != "web" {
		t.Error("the mark of a Helm release is not put on or taken off")
	}
}

func TestWhatHelm3InstalledIsWaitedForByItsGeneration(t *testing.T) {
	owner := func(operation string) map[string]any {
		return map[string]any{"manager": "helm", "operation": operation, "fieldsV1": map[string]any{
			"f:metadata": map[string]any{"f:annotations": map[string]any{"f:" + HelmReleaseAnnotation: map[string]any{}}},
		}}
	}
	helm := map[string]any{HelmReleaseAnnotation: "web"}
	for name, c := range map[string]struct {
		annotations map[string]any
		fields      []any
		want        bool
	}{
		"installed by Helm 3":             {helm, []any{owner("Update")}, true},
		"installed by Helm 4":             {helm, []any{owner("Apply")}, false},
		"installed by Helm, owners unset": {helm, nil, true},
		"rendered for others":             {map[string]any{}, []any{owner("Update")}, false},
	} {
		if got := WaitsByGeneration(c.annotations, c.fields); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestAnnotationsOfAManifestAreExchangedAndNothingElse(t *testing.T) {
	keys := []string{"cause", "gone"}
	said := LastApplied(`{"metadata":{"annotations":{"cause":"2","gone":"x","other":"y"},"name":"web"},"spec":{"a":1}}` + "\n")
	if diff := cmp.Diff(map[string]string{"cause": "2", "gone": "x"}, said.Annotations(keys)); diff != "" {
		t.Error(diff)
	}
	want := LastApplied(`{"metadata":{"annotations":{"cause":"1","other":"y"},"name":"web"},"spec":{"a":1}}` + "\n")
	if got := said.WithAnnotations(keys, map[string]string{"cause": "1"}); got != want {
		t.Errorf("it became %s", got)
	}
	for _, l := range []LastApplied{want, "", "garbage", `{ "metadata" : {} }`, `{"metadata":{"annotations":7}}`} {
		if got := l.WithAnnotations(keys, l.Annotations(keys)); got != l {
			t.Errorf("%q became %q", l, got)
		}
	}
}
