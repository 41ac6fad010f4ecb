package deployment

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
)

// heldText is a Deployment while v2 with an argument is held, as it is read.
func heldText(t *testing.T, request casetest.Submission) (*Handler, admission.Request, map[string]any) {
	t.Helper()
	held := containers(t, `{name: app, image: "holdfast.test/app:v2", args: [a]}`)
	h, req := setUp(t, casetest.Case{Held: held, Request: request})
	var read map[string]any
	if err := json.Unmarshal(req.OldObject.Raw, &read); err != nil {
		t.Fatal(err)
	}
	return h, req, read
}

// containers is a template, as a merge patch.
func containers(t *testing.T, text string) map[string]any {
	t.Helper()
	var patch map[string]any
	if err := yaml.Unmarshal([]byte("spec: {containers: ["+text+"]}"), &patch); err != nil {
		t.Fatal(err)
	}
	return patch
}

// appliedClientSide is what kubectl apply of a text sends: the object after the
// patch, which remembers the text.
func appliedClientSide(t *testing.T, text map[string]any) []byte {
	t.Helper()
	manifest := must(json.Marshal(text))
	object := must(casetest.Patched(text, map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		clientstate.LastAppliedAnnotation: string(manifest) + "\n",
	}}}))
	return must(json.Marshal(object))
}

// answered is the object that comes of a request, and what its user reads.
func answered(t *testing.T, h *Handler, req admission.Request) (workload.Deployment, []string) {
	t.Helper()
	resp := h.Handle(context.Background(), req)
	if !resp.Allowed {
		t.Fatalf("refused: %s", resp.Result.Message)
	}
	if err := resp.Complete(req); err != nil {
		t.Fatal(err)
	}
	stored := req.Object.Raw
	if len(resp.Patch) > 0 {
		stored = must(must(jsonpatch.DecodePatch(resp.Patch)).Apply(stored))
	}
	var d workload.Deployment
	if err := json.Unmarshal(stored, &d.Object); err != nil {
		t.Fatal(err)
	}
	return d, resp.Warnings
}

// graced is the change that the writers of texts make.
var graced = map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"terminationGracePeriodSeconds": int64(7)}}}}

// wantHeld compares what is held, and wants the stable template to stay.
func wantHeld(t *testing.T, d workload.Deployment, patch string) hold.Record {
	t.Helper()
	record, err := testKey.Open(d.Annotation(v1alpha1.HeldAnnotation), testUID)
	if err != nil {
		t.Fatal(err)
	}
	var change map[string]any
	if err := yaml.Unmarshal([]byte(patch), &change); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(must(hold.HashOf(must(casetest.Template(change)))), record.Hash); diff != "" {
		t.Errorf("held is %v", record.Template)
	}
	if stable := must(casetest.Template(map[string]any{})); must(hold.HashOf(stable)) != must(hold.HashOf(d.Template())) {
		t.Errorf("stable is %v", d.Template())
	}
	return record
}

const heldWithGrace = `spec: {terminationGracePeriodSeconds: 7, containers: [{name: app, image: "holdfast.test/app:v2", args: [a]}]}`

// TestAnApplyOfWhatWasRead: what the text changes of the stable template is changed
// of the held one, and kubectl remembers the text that it would have sent.
func TestAnApplyOfWhatWasRead(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlApply})
	req.Object = runtime.RawExtension{Raw: appliedClientSide(t, must(casetest.Patched(read, graced)))}
	got, _ := answered(t, h, req)
	record := wantHeld(t, got, heldWithGrace)
	if diff := cmp.Diff(record.Template, record.LastApplied); diff != "" {
		t.Errorf("kubectl will remember another template than is held:\n%s", diff)
	}
	last := lastApplied(got)
	if last.Annotation(v1alpha1.HeldAnnotation) != "" || last.Annotation(v1alpha1.StableAnnotation) != "" {
		t.Errorf("a record is remembered as applied: %s", last)
	}
}

// TestAnApplyOfAnOlderText: the record in it is of a hold that was superseded.
func TestAnApplyOfAnOlderText(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlApply})
	older := must(testKey.Seal(hold.Record{ID: "older-hold", Run: "web-older", Hash: "older", UID: testUID, Template: must(casetest.Template(map[string]any{}))}))
	text := must(casetest.Patched(read, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: older}}}))
	req.Object = runtime.RawExtension{Raw: appliedClientSide(t, must(casetest.Patched(text, graced)))}
	got, warnings := answered(t, h, req)
	wantHeld(t, got, `spec: {terminationGracePeriodSeconds: 7, containers: [{name: app, image: "holdfast.test/app:v1", args: [a]}]}`)
	if said := strings.Join(warnings, "\n"); !strings.Contains(said, "that is held no more (run web-older)") {
		t.Errorf("the user reads:\n%s", said)
	}
}

// TestATextOfARecordThatWasWrittenAnew: a restart writes it, and it is the same hold.
func TestATextOfARecordThatWasWrittenAnew(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	record := must(testKey.Open(workload.Deployment{Object: read}.Annotation(v1alpha1.HeldAnnotation), testUID))
	record.HeldAt = record.HeldAt.Add(-1)
	record.LastApplied = must(casetest.Template(map[string]any{}))
	text := must(casetest.Patched(read, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: must(testKey.Seal(record))}}}))
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(text, graced))))}
	got, _ := answered(t, h, req)
	wantHeld(t, got, heldWithGrace)
}

// TestAReplacementThatIsRemembered: kubectl replace --save-config remembers the text,
// which would have had what is held. The next apply takes off what stands there only.
func TestAReplacementThatIsRemembered(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	req.Object = runtime.RawExtension{Raw: appliedClientSide(t, must(casetest.Patched(read, graced)))}
	got, _ := answered(t, h, req)
	record := wantHeld(t, got, heldWithGrace)
	if diff := cmp.Diff(record.Template, record.LastApplied); diff != "" {
		t.Errorf("kubectl will remember another template than is held:\n%s", diff)
	}
}

// TestAReplacementThatIsNotRemembered leaves what was applied as the text has it: that
// is of the manifest that somebody applied before, and not of all that stands in the text.
func TestAReplacementThatIsNotRemembered(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	applied := must(casetest.Patched(read, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"hostname": "applied-once"}}}}))
	var before map[string]any
	if err := json.Unmarshal(appliedClientSide(t, applied), &before); err != nil {
		t.Fatal(err)
	}
	remembered := map[string]any{"metadata": map[string]any{"annotations": before["metadata"].(map[string]any)["annotations"]}}
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(must(casetest.Patched(read, remembered)), graced))))}
	got, _ := answered(t, h, req)
	record := wantHeld(t, got, heldWithGrace)
	if spec, _ := record.LastApplied["spec"].(map[string]any); spec["hostname"] != "applied-once" || spec["terminationGracePeriodSeconds"] == int64(7) {
		t.Errorf("kubectl will remember %v", record.LastApplied)
	}
}

// TestATextThatIsSentTwice asks for no more the second time: the hold that it
// made stands now, and it was read during the one before.
func TestATextThatIsSentTwice(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	text := must(casetest.Patched(read, graced))
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(text))}
	once, _ := answered(t, h, req)
	first := wantHeld(t, once, heldWithGrace)
	if before := must(testKey.Open(workload.Deployment{Object: read}.Annotation(v1alpha1.HeldAnnotation), testUID)); first.Read != before.ID || first.ID == before.ID {
		t.Fatalf("hold %s was read during %q, want %s", first.ID, first.Read, before.ID)
	}
	req.OldObject = runtime.RawExtension{Raw: must(json.Marshal(once.Object))}
	twice, warnings := answered(t, h, req)
	if again := wantHeld(t, twice, heldWithGrace); again.ID != first.ID {
		t.Errorf("hold %s was made anew as %s", first.ID, again.ID)
	}
	if said := strings.Join(warnings, "\n"); strings.Contains(said, "held no more") {
		t.Errorf("the user reads:\n%s", said)
	}
	further := must(casetest.Patched(text, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"hostname": "h"}}}}))
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(further))}
	changed, _ := answered(t, h, req)
	withHostname := strings.Replace(heldWithGrace, "{terminationGracePeriodSeconds", "{hostname: h, terminationGracePeriodSeconds", 1)
	if record := wantHeld(t, changed, withHostname); record.Read != first.Read {
		t.Errorf("a further change of the text: %+v", record)
	}
}

// TestATextThatIsSentAsItWasRead takes back what was changed in it and sent before: kubectl
// replace puts the whole text there, which would have had what was held when it was read.
func TestATextThatIsSentAsItWasRead(t *testing.T) {
	const held = `spec: {containers: [{name: app, image: "holdfast.test/app:v2", args: [a]}]}`
	for name, tc := range map[string]struct {
		first, second map[string]any
		want          string
	}{
		"the whole change":      {graced, nil, held},
		"but for a label":       {graced, map[string]any{"metadata": map[string]any{"labels": map[string]any{"note": "b"}}}, held},
		"for another change":    {graced, map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"hostname": "h"}}}}, strings.Replace(held, "{containers", "{hostname: h, containers", 1)},
		"one change by another": {map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"hostname": "h"}}}}, graced, heldWithGrace},
	} {
		t.Run(name, func(t *testing.T) {
			h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
			first := must(testKey.Open(workload.Deployment{Object: read}.Annotation(v1alpha1.HeldAnnotation), testUID))
			ids := 0
			h.NewID = func() string { ids++; return fmt.Sprintf("new-hold-%d", ids) }
			req.Object = runtime.RawExtension{Raw: appliedClientSide(t, must(casetest.Patched(read, tc.first)))} // --save-config
			changed, _ := answered(t, h, req)
			req.OldObject = runtime.RawExtension{Raw: must(json.Marshal(changed.Object))}
			req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(read, tc.second))))}
			back, warnings := answered(t, h, req)
			record := wantHeld(t, back, tc.want)
			if record.ID != "new-hold-2" || record.Read != first.ID {
				t.Errorf("hold %s was read during %q", record.ID, record.Read)
			}
			if diff := cmp.Diff(first.LastApplied, record.LastApplied); diff != "" {
				t.Errorf("kubectl will remember what was sent before (-want +got):\n%s", diff)
			}
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, "update held in place of the one of run") || len(warnings) != 1 {
				t.Errorf("the user reads:\n%s", said)
			}
			req.OldObject = runtime.RawExtension{Raw: must(json.Marshal(back.Object))}
			again, _ := answered(t, h, req)
			if got := wantHeld(t, again, tc.want); got.ID != record.ID {
				t.Errorf("sent again, hold %s was made anew as %s", record.ID, got.ID)
			}
		})
	}
}

// TestAnImageThatIsHeldIsInNoText: an annotation asks for it, so it comes back from none.
func TestAnImageThatIsHeldIsInNoText(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	record := must(testKey.Open(workload.Deployment{Object: read}.Annotation(v1alpha1.HeldAnnotation), testUID))
	record.Origin, record.Under = hold.OriginImage, must(casetest.Template(containers(t, `{name: app, image: "holdfast.test/app:v1", args: [a]}`)))
	read = must(casetest.Patched(read, map[string]any{"metadata": map[string]any{"annotations": map[string]any{
		v1alpha1.HeldAnnotation: must(testKey.Seal(record)), v1alpha1.CanaryImageAnnotation: "holdfast.test/app:v2",
	}}}))
	req.OldObject = runtime.RawExtension{Raw: must(json.Marshal(read))}
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(read, graced))))}
	changed, _ := answered(t, h, req)
	wantHeld(t, changed, heldWithGrace)
	req.OldObject = runtime.RawExtension{Raw: must(json.Marshal(changed.Object))}
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(read, map[string]any{
		"metadata": map[string]any{"annotations": map[string]any{v1alpha1.CanaryImageAnnotation: nil}},
	}))))}
	back, _ := answered(t, h, req)
	wantHeld(t, back, `spec: {containers: [{name: app, image: "holdfast.test/app:v1", args: [a]}]}`)
}

// TestATextWhoseRecordWasEdited is no text of this hold: nobody knows what its writer read.
func TestATextWhoseRecordWasEdited(t *testing.T) {
	h, req, read := heldText(t, casetest.Submission{Manager: kubectlReplace})
	edited := strings.Replace(workload.Deployment{Object: read}.Annotation(v1alpha1.HeldAnnotation), "app:v2", "app:v9", 1)
	text := must(casetest.Patched(read, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: edited}}}))
	req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(text, graced))))}
	got, _ := answered(t, h, req)
	wantHeld(t, got, `spec: {terminationGracePeriodSeconds: 7}`)
}

// TestAServerSideApplyOfWhatWasRead: the applier owns the record then, which tells
// that it stood in the text.
func TestAServerSideApplyOfWhatWasRead(t *testing.T) {
	for name, tc := range map[string]struct{ owned, want string }{
		"with the record":    {`{"f:metadata":{"f:annotations":{"f:holdfast.dev/held":{}}},`, heldWithGrace},
		"without the record": {`{`, `spec: {terminationGracePeriodSeconds: 7, containers: [{name: app, image: "holdfast.test/app:v1", args: [a]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			h, req, read := heldText(t, casetest.Submission{Manager: "kubectl"})
			var fields map[string]any
			if err := json.Unmarshal([]byte(tc.owned+`"f:spec":{"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{
				"f:terminationGracePeriodSeconds":{},"f:containers":{"k:{\"name\":\"app\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`), &fields); err != nil {
				t.Fatal(err)
			}
			sent := must(casetest.Patched(read, graced))
			sent["metadata"].(map[string]any)["managedFields"] = []any{map[string]any{
				"manager": "kubectl", "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "fieldsV1": fields,
			}}
			req.Object = runtime.RawExtension{Raw: must(json.Marshal(sent))}
			got, _ := answered(t, h, req)
			wantHeld(t, got, tc.want)
		})
	}
}

// TestATextOfAnEndedHold asks for what stands in it; who sends it is told what became of the hold.
func TestATextOfAnEndedHold(t *testing.T) {
	for name, tc := range map[string]struct{ running, says string }{
		"that was released": {"v2", "that was released since (run web-x)"},
		"that was not":      {"v1", "that is held no more (run web-x)"},
	} {
		t.Run(name, func(t *testing.T) {
			stable := map[string]any{"spec": map[string]any{"template": containers(t, `{name: app, image: "holdfast.test/app:`+tc.running+`"}`)}}
			h, req := setUp(t, casetest.Case{Stable: stable, Request: casetest.Submission{Manager: kubectlReplace}})
			template := must(casetest.Template(containers(t, `{name: app, image: "holdfast.test/app:v2"}`)))
			record := must(testKey.Seal(hold.Record{ID: "x", Run: "web-x", UID: testUID, Hash: must(hold.HashOf(template)), Template: template}))
			var sent map[string]any
			if err := json.Unmarshal(req.Object.Raw, &sent); err != nil {
				t.Fatal(err)
			}
			sent = must(casetest.Patched(sent, map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.HeldAnnotation: record}}}))
			req.Object = runtime.RawExtension{Raw: must(json.Marshal(must(casetest.Patched(sent, graced))))}
			_, warnings := answered(t, h, req)
			if said := strings.Join(warnings, "\n"); !strings.Contains(said, tc.says) {
				t.Errorf("the user reads:\n%s", said)
			}
		})
	}
}

// TestATextThatWasReadAfterARevert keeps tools that wait failing, as a patch does
// that leaves the template alone; a manifest of the stable template ends it.
func TestATextThatWasReadAfterARevert(t *testing.T) {
	const failed = "99mwtfvdogjlgd4sq4ws4ngldfoigqlf"
	stable := map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.FailedAnnotation: failed}}}
	for name, tc := range map[string]struct {
		patch map[string]any
		want  string
	}{
		"a text that was read": {map[string]any{"metadata": map[string]any{"labels": map[string]any{"note": "b"}}}, failed},
		"a manifest":           {map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.FailedAnnotation: nil}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h, req := setUp(t, casetest.Case{Stable: stable, Request: casetest.Submission{Manager: kubectlReplace, Patch: tc.patch}})
			got, _ := answered(t, h, req)
			if mark := got.Annotation(v1alpha1.FailedAnnotation); mark != tc.want {
				t.Errorf("the mark is %q, want %q", mark, tc.want)
			}
		})
	}
}
