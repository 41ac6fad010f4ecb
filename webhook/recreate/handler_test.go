package recreate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/bypass/bypasstest"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

// namespaceStub is the API server's namespace, with the Deployment that is in it,
// and what was written to it.
type namespaceStub struct {
	demandtest.Cache
	web     []byte // its JSON, nil if there is none
	patched []string
	failing error
}

func (n *namespaceStub) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Namespace == "" {
		return n.Cache.Get(ctx, key, object, options...)
	}
	if n.web == nil {
		return apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, key.Name)
	}
	return json.Unmarshal(n.web, object)
}

func (n *namespaceStub) Patch(_ context.Context, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
	data, err := patch.Data(object)
	n.patched = append(n.patched, string(data))
	return errors.Join(err, n.failing)
}

func webOf(image, annotation string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"%s},
		"spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"name":"app","image":%q}]}}}}`, annotation, image)
}

func hashOf(t *testing.T, object []byte) hold.Hash {
	t.Helper()
	u, err := decode.Request(admissionv1.AdmissionRequest{Object: runtime.RawExtension{Raw: object}})
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hold.HashOf(u.New.Template())
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestMadeAnew(t *testing.T) {
	now := fixedNow()
	remembered := func(ago time.Duration) map[string]string {
		return map[string]string{v1alpha1.DeletedAnnotationPrefix + "web": hold.Deleted{Hash: hashOf(t, webOf("v1", "")), At: now.Add(-ago)}.String()}
	}
	const skips = `,"annotations":{"holdfast.dev/skip":"why not"}`
	nobody := func(s *v1alpha1.CanaryPolicySpec) { s.Allow.Skip = []v1alpha1.Subject{} }
	for name, tc := range map[string]struct {
		object  []byte
		memory  map[string]string
		policy  []v1alpha1.CanaryPolicy
		bypass  string
		refused string
	}{
		"nothing is remembered":                   {webOf("v2", ""), nil, demandtest.Strict(nil), "no", ""},
		"another template":                        {webOf("v2", ""), remembered(time.Minute), demandtest.Strict(nil), "no", "Deployment web was deleted at"},
		"the same template":                       {webOf("v1", ""), remembered(time.Minute), demandtest.Strict(nil), "no", ""},
		"another template, long after":            {webOf("v2", ""), remembered(2 * time.Hour), demandtest.Strict(nil), "no", ""},
		"without a policy":                        {webOf("v2", ""), remembered(time.Minute), nil, "no", ""},
		"by somebody who may skip, and says so":   {webOf("v2", skips), remembered(time.Minute), demandtest.Strict(nil), "yes", ""},
		"by somebody who may not":                 {webOf("v2", skips), remembered(time.Minute), demandtest.Strict(nil), "no", `takes the verb "bypass"`},
		"by somebody whom no policy lets":         {webOf("v2", skips), remembered(time.Minute), demandtest.Strict(nobody), "yes", "CanaryPolicy strict does not allow it"},
		"what is remembered makes no sense to it": {webOf("v2", ""), map[string]string{v1alpha1.DeletedAnnotationPrefix + "web": "x"}, demandtest.Strict(nil), "no", ""},
	} {
		t.Run(name, func(t *testing.T) {
			ns := &namespaceStub{Cache: demandtest.Cache{Annotations: tc.memory, Policies: tc.policy}}
			h := &Handler{FailClosed: true, Policies: demand.Policies{Reader: ns.Cache}, Access: bypass.Access{Creator: bypasstest.Reviewer(tc.bypass)}, API: ns, Now: fixedNow}
			resp := h.Handle(t.Context(), recreation(admissionv1.Create, tc.object))
			if resp.Allowed != (tc.refused == "") || !resp.Allowed && !strings.Contains(resp.Result.Message, tc.refused) {
				t.Errorf("got %+v", resp.Result)
			}
		})
	}
}

func recreation(operation admissionv1.Operation, object []byte) admission.Request {
	req := admissionv1.AdmissionRequest{Namespace: "shop", Operation: operation} // one of a collection: without a name
	if operation == admissionv1.Delete {
		req.OldObject.Raw = object
	} else {
		req.Object.Raw = object
	}
	return admission.Request{AdmissionRequest: req}
}

func TestADeletionIsRemembered(t *testing.T) {
	full := map[string]string{}
	for i := range maxDeleted {
		full[fmt.Sprintf("%sd%d", v1alpha1.DeletedAnnotationPrefix, i)] = hold.Deleted{Hash: "h", At: fixedNow()}.String()
	}
	for name, tc := range map[string]struct {
		memory     map[string]string
		failing    error
		failClosed bool
		written    string
		refused    string
	}{
		"with its hash": {nil, nil, true, `"deleted.holdfast.dev/web":"` + string(hashOf(t, webOf("v1", ""))) + " ", ""},
		"and what is old is forgotten": {map[string]string{v1alpha1.DeletedAnnotationPrefix + "old": hold.Deleted{Hash: "h", At: fixedNow().Add(-2 * time.Hour)}.String()},
			nil, true, `"deleted.holdfast.dev/old":null`, ""},
		"but not without end":                    {full, nil, true, "", "were deleted within"},
		"or it is refused":                       {nil, errors.New("conflict"), true, "web", "conflict"},
		"or it passes, where the guard is loose": {nil, errors.New("conflict"), false, "web", ""},
		"but not where annotations fill the namespace": {nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Namespace"}, "shop", nil),
			false, "web", "take annotations or finalizers off"},
		"or it is larger than etcd takes": {nil, apierrors.FromObject(&metav1.Status{Message: "etcdserver: request is too large", Code: 500}),
			false, "web", "take annotations or finalizers off"},
	} {
		t.Run(name, func(t *testing.T) {
			ns := &namespaceStub{Cache: demandtest.Cache{Annotations: tc.memory, Policies: demandtest.Strict(nil)}, web: webOf("v1", ""), failing: tc.failing}
			h := &Handler{FailClosed: tc.failClosed, Policies: demand.Policies{Reader: ns.Cache}, API: ns, Now: fixedNow}
			resp := h.Handle(t.Context(), recreation(admissionv1.Delete, webOf("v1", "")))
			if resp.Allowed != (tc.refused == "") || !resp.Allowed && !strings.Contains(resp.Result.Message, tc.refused) {
				t.Errorf("got %+v", resp.Result)
			}
			if written := strings.Join(ns.patched, "\n"); !strings.Contains(written, tc.written) || tc.written == "" && written != "" {
				t.Errorf("written: %s", written)
			}
		})
	}
}

// TestADeletionThatNobodyAskedForIsNotRemembered: requests that do not come from
// an API server, of Deployments that are not there or are others.
func TestADeletionThatNobodyAskedForIsNotRemembered(t *testing.T) {
	for name, tc := range map[string]struct{ live, sent []byte }{
		"there is no such Deployment": {nil, webOf("v1", "")},
		"it runs another template":    {webOf("v1", ""), webOf("v2", "")},
		"it is another one":           {webOf("v1", `,"uid":"new"`), webOf("v1", `,"uid":"old"`)},
	} {
		t.Run(name, func(t *testing.T) {
			ns := &namespaceStub{Cache: demandtest.Cache{Policies: demandtest.Strict(nil)}, web: tc.live}
			h := &Handler{FailClosed: true, Policies: demand.Policies{Reader: ns.Cache}, API: ns, Now: fixedNow}
			if resp := h.Handle(t.Context(), recreation(admissionv1.Delete, tc.sent)); !resp.Allowed {
				t.Errorf("refused: %+v", resp.Result)
			}
			if len(ns.patched) > 0 {
				t.Errorf("written: %s", ns.patched)
			}
		})
	}
}

// TestADeletionIsNotTakenForAnothers: a long name is cut to what may be the name
// of another Deployment.
func TestADeletionIsNotTakenForAnothers(t *testing.T) {
	long := strings.Repeat("a", 80)
	named := func(name, image string) []byte {
		return bytes.Replace(webOf(image, ""), []byte(`"name":"web"`), []byte(`"name":"`+name+`"`), 1)
	}
	ns := &namespaceStub{Cache: demandtest.Cache{Policies: demandtest.Strict(nil)}, web: named(long, "v1")}
	h := &Handler{FailClosed: true, Policies: demand.Policies{Reader: ns.Cache}, API: ns, Now: fixedNow}
	h.Handle(t.Context(), recreation(admissionv1.Delete, named(long, "v1")))
	if len(ns.patched) != 1 {
		t.Fatalf("written: %s", ns.patched)
	}
	var written metav1.PartialObjectMetadata
	if err := json.Unmarshal([]byte(ns.patched[0]), &written); err != nil {
		t.Fatal(err)
	}
	ns.Annotations, ns.web = written.Annotations, nil
	for name, allowed := range map[string]bool{long: false, v1alpha1.LabelValue(long): true} {
		if resp := h.Handle(t.Context(), recreation(admissionv1.Create, named(name, "v2"))); resp.Allowed != allowed {
			t.Errorf("%s made with another template: %+v", name, resp.Result)
		}
	}
}
