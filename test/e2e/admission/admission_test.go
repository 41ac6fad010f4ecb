package admission

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

const admissionCases = "../../../webhook/deployment/testdata/admission"

// TestAdmissionCasesOnARealAPIServer sends the golden cases that package webhook
// runs in memory: the same templates, records and warnings must come of them.
func TestAdmissionCasesOnARealAPIServer(t *testing.T) {
	t.Parallel()
	cases, err := casetest.Load(admissionCases)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if c.MemoryOnly != "" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			want, err := casetest.LoadGolden(admissionCases, c.Name)
			if err != nil {
				t.Fatal(err)
			}
			l := newLive(t, c)
			l.prepare()
			got, refusal := l.send()
			l.compare(want, got, refusal)
		})
	}
}

// live is one case in a namespace of its own.
type live struct {
	*shop.Shop
	c        casetest.Case
	client   client.Client
	warnings []string
	asked    *unstructured.Unstructured
}

func newLive(t *testing.T, c casetest.Case) *live {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "case-"}}
	if err := shop.World.Client.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	l := &live{Shop: &shop.Shop{T: t, Namespace: ns.Name}, c: c}
	t.Cleanup(l.Close)
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.WarningHandler = l
	if c.Request.User == "evaluator" {
		config.Impersonate.UserName = shop.EvaluatorUser
	}
	if l.client, err = client.New(config, client.Options{Scheme: shop.World.Client.Scheme()}); err != nil {
		t.Fatal(err)
	}
	return l
}

// HandleWarningHeader collects what users read.
func (l *live) HandleWarningHeader(_ int, _, text string) { l.warnings = append(l.warnings, text) }

// prepare brings the Deployment into the state of the case: revisions first,
// then the stable template and the memory, all before the namespace is guarded;
// then the hold.
func (l *live) prepare() {
	l.T.Helper()
	if !l.c.Request.Create {
		for i, template := range append(l.c.Revisions, nil) {
			patch := map[string]any{"spec": map[string]any{"template": template}}
			if template == nil {
				patch = l.c.Stable
			}
			l.write(i == 0, patch)
		}
		l.remember()
	}
	if l.c.Request.Entry != "deployment" {
		l.guard()
	}
	if l.c.Held != nil {
		patch := map[string]any{"spec": map[string]any{"template": l.c.Held}}
		if l.c.HeldChangeCause != "" {
			patch["metadata"] = map[string]any{"annotations": map[string]any{hold.ChangeCause: l.c.HeldChangeCause}}
		}
		if err := shop.World.Client.Patch(l.T.Context(), l.web(), client.RawPatch("application/merge-patch+json", shop.Encode(patch)), client.FieldOwner("kubectl-edit")); err != nil {
			l.T.Fatalf("hold: %v", err)
		}
		if l.Deployment("web").Annotations[v1alpha1.HeldAnnotation] == "" {
			l.T.Fatal("the template of the case was not held")
		}
	}
}

// write makes the Deployment Base with a patch, and waits for its ReplicaSet and pods.
func (l *live) write(create bool, patch map[string]any) {
	l.T.Helper()
	object, err := casetest.Deployment(patch)
	if err != nil {
		l.T.Fatal(err)
	}
	d := &unstructured.Unstructured{Object: object}
	d.SetNamespace(l.Namespace)
	if create {
		err = shop.World.Client.Create(l.T.Context(), d)
	} else {
		err = shop.World.Client.Update(l.T.Context(), d)
	}
	if err != nil {
		l.T.Fatalf("prepare the Deployment: %v", err)
	}
	shop.Await(l.Shop, "web is as the case wants it", "web", &appsv1.Deployment{}, func(d *appsv1.Deployment) bool {
		if l.c.Unavailable {
			return d.Status.ObservedGeneration >= d.Generation
		}
		return shop.RolledOut(d)
	})
}

func (l *live) remember() {
	l.T.Helper()
	var memory hold.Rejected
	remember := func(patches []map[string]any, r hold.Rejection) {
		for _, patch := range patches {
			template, err := casetest.Template(patch)
			if err != nil {
				l.T.Fatal(err)
			}
			if r.Hash, err = hold.HashOf(template); err != nil {
				l.T.Fatal(err)
			}
			r.Run = v1alpha1.RunName("web", string(r.Hash), 1)
			memory = memory.With(r)
		}
	}
	remember(l.c.Rejected, hold.Rejection{Reason: v1alpha1.ReasonCrashed})
	remember(l.c.Elsewhere, hold.Rejection{UID: "elsewhere", Reason: v1alpha1.ReasonCrashed})
	remember(l.c.Passed, hold.Rejection{Reason: v1alpha1.ReasonPeriodOver, Passed: true})
	if len(memory) == 0 {
		return
	}
	encoded, err := memory.Encode()
	if err != nil {
		l.T.Fatal(err)
	}
	l.Must("annotate", "deployment", "web", v1alpha1.RejectedAnnotation+"="+encoded)
}

func (l *live) guard() {
	l.T.Helper()
	mode := v1alpha1.CanaryEnabled
	if l.c.Request.Entry != "" {
		mode = l.c.Request.Entry
	}
	l.Must("annotate", "namespace", l.Namespace, v1alpha1.CanaryAnnotation+"="+mode)
	l.AwaitGuarded()
}

func (l *live) web() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	u.SetNamespace(l.Namespace)
	u.SetName("web")
	return u
}

// send sends the request of the case and returns the object as it is then, or the refusal.
func (l *live) send() (*unstructured.Unstructured, error) {
	l.T.Helper()
	if l.c.Request.Create {
		object, err := casetest.Deployment(l.c.Request.Patch)
		if err != nil {
			l.T.Fatal(err)
		}
		d := &unstructured.Unstructured{Object: object}
		d.SetNamespace(l.Namespace)
		l.asked = d.DeepCopy()
		return d, l.client.Create(l.T.Context(), d)
	}
	stored := shop.Get(l.Shop, "web", l.web())
	patch := strings.ReplaceAll(string(shop.Encode(l.c.Request.Patch)), `"old-hold"`, fmt.Sprintf("%q", recordOf(l.T, stored).ID))
	var change map[string]any
	if err := json.Unmarshal([]byte(patch), &change); err != nil {
		l.T.Fatal(err)
	}
	asked, err := casetest.Patched(stored.Object, change)
	if err != nil {
		l.T.Fatal(err)
	}
	l.asked = &unstructured.Unstructured{Object: asked}
	got := l.web()
	return got, l.client.Patch(l.T.Context(), got, client.RawPatch("application/merge-patch+json", []byte(patch)), client.FieldOwner(l.c.Request.Manager))
}

func (l *live) compare(want casetest.Golden, got *unstructured.Unstructured, refusal error) {
	l.T.Helper()
	if want.Denied != "" {
		if refusal == nil || !strings.Contains(refusal.Error(), want.Denied) {
			l.T.Errorf("%s: refused with %v, want %s", l.c.Sentence, refusal, want.Denied)
		}
		return
	}
	if refusal != nil {
		l.T.Fatalf("%s: refused with %v", l.c.Sentence, refusal)
	}
	var warnings []string
	for _, w := range want.Warnings {
		warnings = append(warnings, strings.ReplaceAll(w, "-n shop ", "-n "+l.Namespace+" "))
	}
	if diff := cmp.Diff(warnings, l.warnings, cmpopts.EquateEmpty()); diff != "" {
		l.T.Errorf("%s: warnings differ (-want +got):\n%s", l.c.Sentence, diff)
	}
	if hash, wanted := templateHash(l.T, got), l.wantedTemplate(want); hash != wanted {
		l.T.Errorf("%s: the template has hash %s, want %s", l.c.Sentence, hash, wanted)
	}
	l.compareRecord(want, got)
}

// wantedTemplate is what the golden patch makes of the template that was asked for.
func (l *live) wantedTemplate(want casetest.Golden) hold.Hash {
	l.T.Helper()
	for _, op := range want.Patch {
		if op["path"] == "/spec/template" {
			hash, err := hold.HashOf(op["value"].(map[string]any))
			if err != nil {
				l.T.Fatal(err)
			}
			return hash
		}
	}
	return templateHash(l.T, l.asked)
}

func (l *live) compareRecord(want casetest.Golden, got *unstructured.Unstructured) {
	l.T.Helper()
	record := recordOf(l.T, got)
	if want.Record != nil && (record.Hash != want.Record.Hash || record.Origin != want.Record.Origin || record.Run != want.Record.Run ||
		record.Manager != want.Record.Manager || record.Operation != want.Record.Operation) {
		l.T.Errorf("%s: the record is %+v, want %+v", l.c.Sentence, record, *want.Record)
	}
	cleared := false
	for _, op := range want.Patch {
		cleared = cleared || op["op"] == "remove" && strings.HasSuffix(op["path"].(string), "~1held")
	}
	held := want.Record != nil || l.asked.GetAnnotations()[v1alpha1.HeldAnnotation] != "" && !cleared
	if l.c.Request.User != "evaluator" && held != (record.ID != "") {
		l.T.Errorf("%s: held is %v, want %v", l.c.Sentence, record.ID != "", held)
	}
}

// recordOf is the record of a Deployment as far as it can be read without the key.
func recordOf(t *testing.T, d *unstructured.Unstructured) hold.Record {
	t.Helper()
	var record hold.Record
	if encoded := d.GetAnnotations()[v1alpha1.HeldAnnotation]; encoded != "" {
		if err := json.Unmarshal([]byte(encoded), &record); err != nil {
			t.Fatal(err)
		}
	}
	return record
}

func templateHash(t *testing.T, d *unstructured.Unstructured) hold.Hash {
	t.Helper()
	template, _, err := unstructured.NestedMap(d.Object, "spec", "template")
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hold.HashOf(template)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}
