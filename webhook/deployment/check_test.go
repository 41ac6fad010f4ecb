package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
)

// updater is an API server as a function of what it is sent and how.
type updater func(*unstructured.Unstructured, client.UpdateOptions) error

func (u updater) Update(_ context.Context, object client.Object, options ...client.UpdateOption) error {
	var all client.UpdateOptions
	all.ApplyOptions(options)
	sent := object.(*unstructured.Unstructured)
	sent.Object = runtime.DeepCopyJSON(sent.Object) // as a client, which decodes into another map
	return u(sent, all)
}

// accepting is an API server that stores what it is sent.
type accepting struct{}

func (accepting) Update(context.Context, client.Object, ...client.UpdateOption) error { return nil }

// stuck is an API server that does not answer.
type stuck struct{}

func (stuck) Update(ctx context.Context, _ client.Object, _ ...client.UpdateOption) error {
	<-ctx.Done()
	return ctx.Err()
}

// injecting is an API server with a webhook that adds a label to the template.
var injecting = updater(func(u *unstructured.Unstructured, _ client.UpdateOptions) error {
	return unstructured.SetNestedField(u.Object, "yes", "spec", "template", "metadata", "labels", "injected")
})

func refusing(code int32, message string) updater {
	return func(*unstructured.Unstructured, client.UpdateOptions) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{
			Status: metav1.StatusFailure, Code: code, Reason: "ItsReason", Message: message,
			Details: &metav1.StatusDetails{Name: "web", Kind: "deployments", Causes: []metav1.StatusCause{{Field: "spec.template", Message: "no"}}},
		}}
	}
}

func template(labels map[string]any) map[string]any {
	return map[string]any{"metadata": map[string]any{"labels": labels}}
}

// request of a template, with what else a case has.
func asking(c casetest.Case, labels map[string]any) casetest.Case {
	c.Request.Patch = map[string]any{"spec": map[string]any{"template": template(labels)}}
	return c
}

// TestACheckIsADryRunOfTheWholeDeployment as it would be once released, with
// the fields that no library knows yet.
func TestACheckIsADryRunOfTheWholeDeployment(t *testing.T) {
	c := newTemplate()
	c.Held = template(map[string]any{"v": "1.5"})
	c.Stable = map[string]any{"metadata": map[string]any{
		"resourceVersion": "7", "managedFields": []any{map[string]any{"manager": "x"}},
		"annotations": map[string]any{"note": "kept", v1alpha1.ReleaseAnnotation: "x"}, "finalizers": []any{"a.b/c"},
	}, "spec": map[string]any{"newField": map[string]any{"a": 1}}}
	c.Request.Patch["metadata"] = map[string]any{"finalizers": []any{"d.e/f"}, "ownerReferences": []any{map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y", "blockOwnerDeletion": true,
	}}}
	handler, req := setUp(t, c)
	var sent *unstructured.Unstructured
	var options client.UpdateOptions
	handler.Check.Updater = updater(func(u *unstructured.Unstructured, o client.UpdateOptions) error {
		sent, options = u.DeepCopy(), o
		return nil
	})
	if resp := handler.Handle(context.Background(), req); !resp.Allowed {
		t.Fatal(resp.Result)
	}
	want := must(casetest.Patched(must(casetest.Deployment(nil)), map[string]any{
		"metadata": map[string]any{
			"namespace": "shop", "uid": string(testUID), "annotations": map[string]any{"note": "kept"}, "finalizers": []any{"a.b/c"},
		},
		"spec": map[string]any{"newField": map[string]any{"a": 1}, "template": template(map[string]any{"v": "2"})},
	}))
	if diff := cmp.Diff(want, sent.Object); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{metav1.DryRunAll}, options.DryRun); diff != "" || options.FieldManager != checkManager {
		t.Errorf("options: %+v", options)
	}
}

func TestWhatTheAPIServerWouldStoreIsHeld(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.Check.Updater = injecting
	resp := handler.Handle(context.Background(), req)
	record, err := testKey.Open(heldBy(t, resp), testUID)
	if err != nil {
		t.Fatal(err)
	}
	if labels, _, _ := unstructured.NestedStringMap(record.Template, "metadata", "labels"); labels["injected"] != "yes" || labels["v"] != "2" {
		t.Errorf("the held template has the labels %v", labels)
	}
	if got := testutil.ToFloat64(handler.Metrics.checks.WithLabelValues(string(precheck.Accepted))); got != 1 {
		t.Errorf("%v checks are counted", got)
	}
}

// heldBy is the record in an answer, "" if there is none.
func heldBy(t *testing.T, resp admission.Response) string {
	t.Helper()
	for _, op := range resp.Patches {
		switch op.Path {
		case "/metadata/annotations/holdfast.dev~1held":
			text, _ := op.Value.(string)
			return text
		case "/metadata/annotations":
			text, _ := op.Value.(map[string]any)[v1alpha1.HeldAnnotation].(string)
			return text
		}
	}
	return ""
}

// TestDecisionsAreAboutTheCheckedTemplate: a manifest is compared with what runs
// or is held after other webhooks have had their way with it.
func TestDecisionsAreAboutTheCheckedTemplate(t *testing.T) {
	v2, injected2 := map[string]any{"v": "2"}, map[string]any{"v": "2", "injected": "yes"}
	for sentence, tc := range map[string]struct {
		c       casetest.Case
		warning string
	}{
		"the held template is kept": {asking(casetest.Case{Held: template(injected2)}, v2), "held already"},
		"the stable template passes": {
			asking(casetest.Case{Stable: map[string]any{"spec": map[string]any{"template": template(injected2)}}}, map[string]any{"injected": nil}), "",
		},
		"a rejected template is not tried again": {asking(casetest.Case{Rejected: []map[string]any{template(injected2)}}, v2), "not tried again"},
		"an earlier one is a rollback":           {asking(casetest.Case{Revisions: []map[string]any{template(injected2)}}, v2), "rollback"},
	} {
		t.Run(sentence, func(t *testing.T) {
			handler, req := setUp(t, tc.c)
			handler.Check.Updater = injecting
			resp := handler.Handle(context.Background(), req)
			if !resp.Allowed || heldBy(t, resp) != "" {
				t.Fatalf("the answer is %+v", resp)
			}
			if said := strings.Join(resp.Warnings, "\n"); !strings.Contains(said, tc.warning) || tc.warning == "" && said != "" {
				t.Errorf("the user reads %q", said)
			}
		})
	}
}

func TestARefusalReachesTheUserAsTheAPIServerPutsIt(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.Check.Updater = refusing(http.StatusUnprocessableEntity, `Deployment.apps "web" is invalid: spec.template: no`)
	resp := handler.Handle(context.Background(), req)
	want := &metav1.Status{
		Code: http.StatusUnprocessableEntity, Reason: "ItsReason",
		Message: `the API server refuses the new pod template: Deployment.apps "web" is invalid: spec.template: no`,
		Details: &metav1.StatusDetails{Name: "web", Kind: "deployments", Causes: []metav1.StatusCause{{Field: "spec.template", Message: "no"}}},
	}
	if diff := cmp.Diff(want, resp.Result); resp.Allowed || diff != "" {
		t.Errorf("allowed: %v (-want +got):\n%s", resp.Allowed, diff)
	}
}

// TestWhatCannotBeCheckedIsHeldUnchecked, in every namespace: the release goes
// through every admission again.
func TestWhatCannotBeCheckedIsHeldUnchecked(t *testing.T) {
	unknown := updater(func(u *unstructured.Unstructured, _ client.UpdateOptions) error {
		u.SetAnnotations(map[string]string{v1alpha1.HeldAnnotation: "a record"}) // by a Holdfast that takes us for a user
		return nil
	})
	for sentence, tc := range map[string]struct {
		updater Updater
		warning string
	}{
		"nobody answers":                     {stuck{}, "context deadline exceeded"},
		"nobody is there":                    {updater(func(*unstructured.Unstructured, client.UpdateOptions) error { return errors.New("connection refused") }), "connection refused"},
		"another webhook is out of order":    {refusing(http.StatusInternalServerError, "failed calling webhook"), "failed calling webhook"},
		"Holdfast is known by another name":  {unknown, "--service-account"},
		"the Deployment has changed or gone": {refusing(http.StatusConflict, "Precondition failed: UID"), "Precondition failed"},
	} {
		for _, failClosed := range []bool{false, true} {
			handler, req := setUp(t, newTemplate())
			handler.FailClosed = failClosed
			handler.Check.Updater, handler.Check.Timeout = tc.updater, 10*time.Millisecond
			resp := handler.Handle(context.Background(), req)
			if !resp.Allowed || heldBy(t, resp) == "" {
				t.Errorf("%s: the answer is %+v", sentence, resp)
			}
			if len(resp.Warnings) != 2 || !strings.Contains(resp.Warnings[1], tc.warning) {
				t.Errorf("%s: the user reads %q", sentence, resp.Warnings)
			}
		}
	}
}

// TestHoldfastsOwnCheckPassesUntouched, whatever of Holdfast's is on the object.
func TestHoldfastsOwnCheckPassesUntouched(t *testing.T) {
	for sentence, stable := range map[string]map[string]any{
		"nothing":                        {},
		"a release that nobody asked of": {"metadata": map[string]any{"annotations": map[string]any{v1alpha1.ReleaseAnnotation: "old-hold"}}},
	} {
		for _, held := range []map[string]any{nil, template(map[string]any{"v": "1.5"})} {
			handler, req := setUp(t, casetest.Case{Stable: stable, Held: held, Request: casetest.Submission{User: "evaluator"}})
			u := update{decode.Update{New: workload.Deployment{Object: decoded(t, req.OldObject.Raw)}}}.deploymentToCheck(template(map[string]any{"v": "2"}), beside{})
			yes := true
			req.DryRun, req.Object = &yes, runtime.RawExtension{Raw: must(json.Marshal(u.Object))}
			handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
				t.Error("a check was checked")
				return nil
			})
			if resp := handler.Handle(context.Background(), req); !resp.Allowed || len(resp.Patches) > 0 || len(resp.Warnings) > 0 {
				t.Errorf("with %s, held %v: %+v", sentence, held, resp)
			}
		}
	}
}

// TestACheckIsNeverChecked, even if its user is not known as Holdfast's: there would be no end.
func TestACheckIsNeverChecked(t *testing.T) {
	c := newTemplate()
	c.Request.User, c.Request.Manager = "system:serviceaccount:holdfast-system:other", checkManager
	handler, req := setUp(t, c)
	yes := true
	req.DryRun = &yes
	handler.Check.Updater = updater(func(*unstructured.Unstructured, client.UpdateOptions) error {
		t.Error("a check was checked")
		return nil
	})
	if resp := handler.Handle(context.Background(), req); heldBy(t, resp) == "" {
		t.Errorf("not held: %+v", resp)
	}
}

func decoded(t *testing.T, raw []byte) (object map[string]any) {
	t.Helper()
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

func TestClashesAreRefusedAtAnUpdateAndToldAtACreation(t *testing.T) {
	handler, req := setUp(t, asking(casetest.Case{}, map[string]any{v1alpha1.RoleLabel: "x"}))
	if resp := handler.Handle(context.Background(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "spec.template.metadata.labels[holdfast.dev/role]") {
		t.Errorf("the answer to an update is %+v", resp)
	}
	handler, req = setUp(t, asking(casetest.Case{Request: casetest.Submission{Create: true}}, map[string]any{v1alpha1.RoleLabel: "x"}))
	if resp := handler.Handle(context.Background(), req); !resp.Allowed || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "holdfast.dev/role") {
		t.Errorf("the answer to a creation is %+v", resp)
	}
}
