package route

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/webhook/hostiletest"
)

const evaluator = "system:serviceaccount:holdfast-system:holdfast"

var key = hold.Key(strings.Repeat("k", hold.KeySize))

const (
	asked  = `[{backendRefs: [{name: shop, port: 80, weight: 1}]}]`
	laid   = `[{backendRefs: [{name: shop, port: 80, weight: 19}, {name: shop-canary, port: 80, weight: 1}]}]`
	owners = `
- {manager: gitops, operation: Apply, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:hostnames": {}, "f:rules": {}}}}
- {manager: traefik, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:01Z", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`
)

func parse(t *testing.T, text string, into any) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = utiljson.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

func rulesOf(t *testing.T, text string) (out []any) {
	t.Helper()
	parse(t, text, &out)
	return out
}

// record is the one of a run that has 5 % of the requests to shop.
func record(t *testing.T, uid, canary, rules string) string {
	t.Helper()
	out, err := route.Seal(key, route.Record{
		UID: "u", Run: "shop-1", Service: "shop", Canary: canary, Percent: 5, Rules: rulesOf(t, rules)})
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(out, `"uid":"u"`, `"uid":"`+uid+`"`)
}

// httpRoute is one of these annotations, owners of fields and rules.
func httpRoute(t *testing.T, annotations map[string]string, managedFields, rules string) map[string]any {
	t.Helper()
	var entries []any
	parse(t, managedFields, &entries)
	metadata := map[string]any{"name": "shop", "namespace": "ns", "uid": "u", "resourceVersion": "7"}
	if entries != nil {
		metadata["managedFields"] = entries
	}
	if annotations != nil {
		all := map[string]any{}
		for k, v := range annotations {
			all[k] = v
		}
		metadata["annotations"] = all
	}
	return map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata,
		"spec": map[string]any{"hostnames": []any{"shop.example"}, "fromTheFuture": int64(1 << 53), "rules": rulesOf(t, rules)},
	}
}

func kindOf(object map[string]any) metav1.GroupVersionKind {
	u := unstructured.Unstructured{Object: object}
	return metav1.GroupVersionKind(u.GroupVersionKind())
}

type sender struct{ user, manager string }

// send is what the API server stores of a request, and what its sender is told.
func send(t *testing.T, by sender, before, sent map[string]any) (map[string]any, []string) {
	t.Helper()
	encode := func(v any) runtime.RawExtension {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return runtime.RawExtension{Raw: data}
	}
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Kind: kindOf(sent), Namespace: "ns",
		Operation: admissionv1.Create, UserInfo: authenticationv1.UserInfo{Username: by.user},
		Object: encode(sent), Options: encode(metav1.UpdateOptions{FieldManager: by.manager}),
	}}
	if before != nil {
		req.Operation, req.OldObject = admissionv1.Update, encode(before)
	}
	resp := (&Handler{Key: key, Evaluator: evaluator}).Handle(hostiletest.NoPanic(t), req)
	if !resp.Allowed {
		t.Fatalf("refused: %v", resp.Result)
	}
	hostiletest.Plain(t, resp)
	if err := resp.Complete(req); err != nil {
		t.Fatal(err)
	}
	out := req.Object.Raw
	if len(resp.Patch) > 0 {
		p, err := jsonpatch.DecodePatch(resp.Patch)
		if err == nil {
			out, err = p.Apply(out)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, resp.Patch)
		}
	}
	var stored map[string]any
	parse(t, string(out), &stored)
	return stored, resp.Warnings
}

func standing(t *testing.T) map[string]any {
	t.Helper()
	return httpRoute(t, map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", asked)}, owners, laid)
}

// reapplied are the owners as the API server works them out where rules are applied anew.
var reapplied = strings.Replace(owners, `"2026-01-01T00:00:00Z"`, `"2026-02-02T00:00:00Z"`, 1)

func TestAskingForTheSameChangesNothing(t *testing.T) {
	overlay := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", asked)}
	for name, tc := range map[string]struct {
		by   sender
		sent map[string]any
	}{
		"server-side apply": {sender{"ci", "gitops"}, httpRoute(t, overlay, reapplied, asked)},
		"a replace, which has no record": {sender{"ann", "kubectl-replace"}, httpRoute(t, nil, `
- {manager: gitops, operation: Apply, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:hostnames": {}}}}
- {manager: kubectl-replace, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-02-02T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:rules": {}}}}
- {manager: traefik, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:01Z", subresource: status, fieldsType: FieldsV1, fieldsV1: {"f:status": {}}}
`, asked)},
		"a replace of what was read":  {sender{"ann", "kubectl-replace"}, standing(t)},
		"a text that owns the record": {sender{"ci", "gitops"}, httpRoute(t, overlay, strings.Replace(reapplied, `{"f:spec"`, `{"f:metadata": {"f:annotations": {"f:holdfast.dev/overlay": {}}}, "f:spec"`, 1), laid)},
		"a forged record":             {sender{"eve", "kubectl-edit"}, httpRoute(t, map[string]string{v1alpha1.OverlayAnnotation: `{"record":{"percent":100},"seal":""}`}, owners, laid)},
	} {
		t.Run(name, func(t *testing.T) {
			stored, warnings := send(t, tc.by, standing(t), tc.sent)
			if diff := cmp.Diff(standing(t), stored); diff != "" {
				t.Errorf("the route has changed (-want +got):\n%s", diff)
			}
			if len(warnings) > 0 {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

// TestWhoAppliesTheSameOwnsIt, alone if the text says less than the API server has filled in: that is seen by
// the parentRefs of others, and where there are none by the record, which a text has that was read.
func TestWhoAppliesTheSameOwnsIt(t *testing.T) {
	const entry = `
- {manager: %s, operation: %s, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {%s}}}
`
	owned := func(manager, operation string, fields ...string) string {
		return fmt.Sprintf(entry, manager, operation, `"f:`+strings.Join(fields, `": {}, "f:`)+`": {}`)
	}
	read := func(entry string) string {
		return strings.Replace(entry, `{"f:spec"`, `{"f:metadata": {"f:annotations": {"f:holdfast.dev/overlay": {}}}, "f:spec"`, 1)
	}
	for name, tc := range map[string]struct{ before, sent, want string }{
		"a text without defaults": {
			owned("helm", "Update", "hostnames", "parentRefs", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "parentRefs", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "parentRefs", "rules"),
		},
		"a text without defaults, after another took the parentRefs": {
			owned("helm", "Update", "hostnames", "rules") + owned("ci", "Apply", "parentRefs"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "parentRefs", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "parentRefs", "rules"),
		},
		"a text that leaves out its own parentRefs": {
			owned("helm", "Update", "hostnames", "rules") + owned("deployer", "Apply", "parentRefs"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "rules"),
		},
		"a text without defaults, whose parentRefs are its own": {
			owned("helm", "Update", "rules") + owned("deployer", "Apply", "hostnames", "parentRefs"),
			owned("deployer", "Apply", "hostnames", "parentRefs", "rules"),
			owned("deployer", "Apply", "hostnames", "parentRefs", "rules"),
		},
		"a text that was read, whose parentRefs are its own": {
			owned("helm", "Update", "rules") + owned("deployer", "Apply", "parentRefs"),
			read(owned("deployer", "Apply", "parentRefs", "rules")),
			owned("deployer", "Apply", "parentRefs", "rules") + owned("helm", "Update", "rules"),
		},
		"a text with all of them": {
			owned("helm", "Update", "hostnames", "parentRefs", "rules"),
			owned("helm", "Update", "hostnames", "parentRefs") + owned("deployer", "Apply", "parentRefs", "rules"),
			owned("helm", "Update", "hostnames", "parentRefs", "rules") + owned("deployer", "Apply", "parentRefs", "rules"),
		},
		"a text of which nothing is known": {
			owned("helm", "Update", "hostnames", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "rules"),
			owned("helm", "Update", "hostnames") + owned("deployer", "Apply", "rules"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			overlay := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", asked)}
			stored, _ := send(t, sender{"ci", "deployer"}, httpRoute(t, overlay, tc.before, laid), httpRoute(t, overlay, tc.sent, asked))
			if diff := cmp.Diff(httpRoute(t, overlay, tc.want, laid), stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnotherWishIsStoredWithTheOverlay(t *testing.T) {
	const other = `[{name: new, backendRefs: [{name: shop, port: 80, weight: 50}, {name: old, port: 80, weight: 50}]}]`
	for name, tc := range map[string]struct{ sent, wish, stored, warning string }{
		"the user's own text": {other, other,
			`[{name: new, backendRefs: [{name: shop, port: 80, weight: 95}, {name: old, port: 80, weight: 100}, {name: shop-canary, port: 80, weight: 5}]}]`,
			"holdfast: your change is stored with the share of a canary on it"},
		"an edit of what was read": {
			strings.Replace(laid, "{backendRefs", "{timeouts: {request: 5s}, backendRefs", 1),
			strings.Replace(asked, "{backendRefs", "{timeouts: {request: 5s}, backendRefs", 1),
			strings.Replace(laid, "{backendRefs", "{timeouts: {request: 5s}, backendRefs", 1),
			"holdfast: your change was taken as one of the route without the share of a canary"},
		"a route that leaves the Service": {`[{backendRefs: [{name: old}]}]`, `[{backendRefs: [{name: old}]}]`, `[{backendRefs: [{name: old}]}]`,
			"holdfast: your change is stored"},
	} {
		t.Run(name, func(t *testing.T) {
			sent := httpRoute(t, map[string]string{"mine": "kept"}, reapplied, tc.sent)
			stored, warnings := send(t, sender{"ci", "gitops"}, standing(t), sent)
			want := httpRoute(t, map[string]string{"mine": "kept", v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", tc.wish)}, reapplied, tc.stored)
			if tc.wish != tc.sent { // it is no longer sealed by replacing text: open it
				got, err := route.Open(key, object(stored).record(), "u")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(rulesOf(t, tc.wish), got.Rules); diff != "" {
					t.Errorf("the wish differs (-want +got):\n%s", diff)
				}
			}
			if diff := cmp.Diff(want, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], tc.warning) {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

func TestTheEvaluatorOwnsNothing(t *testing.T) {
	asOwner := `
- {manager: gitops, operation: Apply, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:hostnames": {}}}}
- {manager: holdfast, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-02-02T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:rules": {}}, "f:metadata": {"f:annotations": {"f:holdfast.dev/overlay": {}}}}}
`
	overlay := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", asked)}
	plain := httpRoute(t, nil, owners, asked)
	stored, _ := send(t, sender{evaluator, "holdfast"}, plain, httpRoute(t, overlay, asOwner, laid))
	if diff := cmp.Diff(standing(t), stored); diff != "" {
		t.Errorf("laid (-want +got):\n%s", diff)
	}
	stored, _ = send(t, sender{evaluator, "holdfast"}, standing(t), httpRoute(t, nil, asOwner, asked))
	if diff := cmp.Diff(plain, stored); diff != "" {
		t.Errorf("taken off (-want +got):\n%s", diff)
	}
}

// TestTheRecordIsNoAnnotationOfTheUsers: who brings the first one owns that there are any, and with the last
// one that goes.
func TestTheRecordIsNoAnnotationOfTheUsers(t *testing.T) {
	const entry = `
- {manager: kubectl-annotate, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-02-02T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {%s}}}}
`
	overlay := record(t, "u", "shop-canary", asked)
	none, noted := map[string]string{v1alpha1.OverlayAnnotation: overlay}, map[string]string{v1alpha1.OverlayAnnotation: overlay, "note": "a"}
	owns := func(fields string) string { return owners + strings.Replace(entry, "%s", fields, 1) }
	for name, tc := range map[string]struct{ before, sent, want map[string]any }{
		"the first one": {
			httpRoute(t, none, owners, laid), httpRoute(t, noted, owns(`"f:note": {}`), laid), httpRoute(t, noted, owns(`".": {}, "f:note": {}`), laid)},
		"another one": {
			httpRoute(t, noted, owners, laid), httpRoute(t, noted, owns(`"f:other": {}`), laid), httpRoute(t, noted, owns(`"f:other": {}`), laid)},
		"the last one": {
			httpRoute(t, noted, owns(`".": {}, "f:note": {}`), laid), httpRoute(t, none, owns(``), laid), httpRoute(t, none, owners, laid)}, // so the API server says who owns that alone
	} {
		t.Run(name, func(t *testing.T) {
			stored, _ := send(t, sender{"ann", "kubectl-annotate"}, tc.before, tc.sent)
			if diff := cmp.Diff(tc.want, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAnApplyTakesFromNobodyThatThereAreAnnotations: an update does, an apply that has the last one pruned
// does not.
func TestAnApplyTakesFromNobodyThatThereAreAnnotations(t *testing.T) {
	const (
		others = `
- {manager: kubectl-client-side-apply, operation: Update, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {}}}}
`
		had = `
- {manager: dns, operation: Apply, apiVersion: gateway.networking.k8s.io/v1, time: "2026-01-01T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:metadata": {"f:annotations": {"f:note": {}}}, "f:spec": {}}}
`
		has = `
- {manager: dns, operation: Apply, apiVersion: gateway.networking.k8s.io/v1, time: "2026-02-02T00:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {}}}
`
	)
	overlay := record(t, "u", "shop-canary", asked)
	none, noted := map[string]string{v1alpha1.OverlayAnnotation: overlay}, map[string]string{v1alpha1.OverlayAnnotation: overlay, "note": "a"}
	stored, _ := send(t, sender{"ann", "dns"}, httpRoute(t, noted, others+had, laid), httpRoute(t, none, others+has, laid))
	if diff := cmp.Diff(httpRoute(t, none, others+has, laid), stored); diff != "" {
		t.Errorf("pruned (-want +got):\n%s", diff)
	}
	stored, _ = send(t, sender{"ann", "dns"}, httpRoute(t, none, others+has, laid), httpRoute(t, noted, others+had, laid))
	if diff := cmp.Diff(httpRoute(t, noted, had, laid), stored); diff != "" {
		t.Errorf("brought (-want +got):\n%s", diff)
	}
}

func TestATextThatWasReadEarlierIsTakenWithoutItsOverlay(t *testing.T) {
	old := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "old-canary", asked)}
	text := httpRoute(t, old, owners, strings.ReplaceAll(laid, "shop-canary", "old-canary"))
	for name, tc := range map[string]struct{ before, want map[string]any }{
		"no run has a share now":     {httpRoute(t, nil, owners, asked), httpRoute(t, nil, owners, asked)},
		"another run has a share":    {standing(t), standing(t)},
		"the route is made anew":     {nil, httpRoute(t, nil, owners, asked)},
		"it stands there unlawfully": {httpRoute(t, map[string]string{v1alpha1.OverlayAnnotation: record(t, "x", "c", asked)}, owners, asked), httpRoute(t, nil, owners, asked)},
	} {
		t.Run(name, func(t *testing.T) {
			stored, warnings := send(t, sender{"ann", "kubectl-replace"}, tc.before, text)
			if diff := cmp.Diff(tc.want, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], "was read while canary run shop-1 had a share") {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

func TestWhatWasWrittenWhileTheWebhookWasAwayIsTheWish(t *testing.T) {
	const other = `[{backendRefs: [{name: shop, port: 80, weight: 100}]}]`
	before := httpRoute(t, map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", asked)}, owners, other)
	sent := runtime.DeepCopyJSON(before)
	sent["metadata"].(map[string]any)["labels"] = map[string]any{"a": "b"}
	stored, _ := send(t, sender{"ann", "kubectl-label"}, before, sent)
	got, err := route.Open(key, object(stored).record(), "u")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rulesOf(t, other), got.Rules); diff != "" {
		t.Errorf("the wish differs (-want +got):\n%s", diff)
	}
	spec := stored["spec"].(map[string]any)
	if diff := cmp.Diff(rulesOf(t, strings.NewReplacer("19", "95", "weight: 1}", "weight: 5}").Replace(laid)), spec["rules"]); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestWhatDoesNotFitIsStoredWithoutTheOverlay(t *testing.T) {
	full := `[{backendRefs: [{name: shop}` + strings.Repeat(`, {name: other}`, 15) + `]}]`
	for name, sent := range map[string]map[string]any{
		"no room for a backend":  httpRoute(t, nil, owners, full),
		"no room for the record": httpRoute(t, map[string]string{"large": strings.Repeat("x", route.MostAnnotations-100)}, owners, `[{name: other, backendRefs: [{name: shop}]}]`),
	} {
		t.Run(name, func(t *testing.T) {
			stored, warnings := send(t, sender{"ci", "gitops"}, standing(t), sent)
			if diff := cmp.Diff(sent, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "holdfast: the share of the canary was taken off this route: ") {
				t.Errorf("warnings: %v", warnings)
			}
		})
	}
}

func TestRequestsOfAnyShapePass(t *testing.T) {
	for _, raw := range []string{``, `7`, `null`, `{}`, `{"metadata": 1, "spec": 2}`, `{"metadata": {"annotations": {"holdfast.dev/overlay": 7}}, "spec": {"rules": {}}}`} {
		for _, old := range []string{``, `null`, `{"metadata": {"annotations": []}}`} {
			req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Kind:   metav1.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"},
				Object: runtime.RawExtension{Raw: []byte(raw)}, OldObject: runtime.RawExtension{Raw: []byte(old)},
			}}
			if resp := (&Handler{Key: key, Evaluator: evaluator}).Handle(hostiletest.NoPanic(t), req); !resp.Allowed {
				t.Errorf("%q after %q is refused: %v", raw, old, resp.Result)
			}
		}
	}
}
