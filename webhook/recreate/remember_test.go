package recreate

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/demand/demandtest"
)

// shopStub is an API server with one namespace, which keeps what is written to it,
// and at most one Deployment in it.
type shopStub struct {
	web         []byte // the Deployment's JSON, nil if there is none
	annotations map[string]string
	version     int
	goes        bool // the namespace is being deleted
	// meanwhile is done by somebody else before the next write.
	meanwhile func(*shopStub)
}

func (s *shopStub) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	if key.Namespace == "" {
		object.SetName(key.Name)
		object.SetAnnotations(maps.Clone(s.annotations))
		object.SetResourceVersion(strconv.Itoa(s.version))
		if s.goes {
			object.SetDeletionTimestamp(&metav1.Time{Time: testNow})
		}
		return nil
	}
	if s.web == nil {
		return apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "deployments"}, key.Name)
	}
	return json.Unmarshal(s.web, object)
}

func (s *shopStub) Patch(_ context.Context, object client.Object, patch client.Patch, _ ...client.PatchOption) error {
	if s.meanwhile != nil {
		s.meanwhile(s)
		s.meanwhile = nil
	}
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	var change struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]*string
		}
	}
	if err := json.Unmarshal(data, &change); err != nil {
		return err
	}
	if v := change.Metadata.ResourceVersion; v != "" && v != strconv.Itoa(s.version) {
		return apierrors.NewConflict(schema.GroupResource{Resource: "namespaces"}, object.GetName(), nil)
	}
	s.annotate(change.Metadata.Annotations)
	return nil
}

func (s *shopStub) annotate(changes map[string]*string) {
	s.version++
	if s.annotations == nil {
		s.annotations = map[string]string{}
	}
	for key, value := range changes {
		if value == nil {
			delete(s.annotations, key)
		} else {
			s.annotations[key] = *value
		}
	}
}

func (s *shopStub) handler(now func() time.Time) *Handler {
	return &Handler{FailClosed: true, Policies: demand.Policies{Reader: demandtest.Cache{Policies: demandtest.Strict(nil)}}, API: s, Now: now}
}

const goes = `,"deletionTimestamp":"2026-03-01T11:00:00Z","finalizers":["example.com/mine"]`

// memoryOfWeb is as the namespace has it.
func memoryOfWeb(t *testing.T, image string, ago time.Duration) map[string]string {
	t.Helper()
	return map[string]string{v1alpha1.DeletedAnnotation("web"): hold.Deleted{Hash: hashOf(t, webOf(image, "")), At: testNow.Add(-ago)}.String()}
}

// TestWhatGoesIsRememberedOnce as it was when its deletion began; the time is that
// of the last request, for nobody knows whether it was the one that let it go.
func TestWhatGoesIsRememberedOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		operation admissionv1.Operation
		web       []byte
		memory    map[string]string
		want      map[string]string
	}{
		"deleted":                               {admissionv1.Delete, webOf("v2", ""), nil, memoryOfWeb(t, "v2", 0)},
		"deleted again, after it was made anew": {admissionv1.Delete, webOf("v2", ""), memoryOfWeb(t, "v1", time.Minute), memoryOfWeb(t, "v2", 0)},
		"deleted again while it goes":           {admissionv1.Delete, webOf("v2", goes), memoryOfWeb(t, "v1", time.Minute), memoryOfWeb(t, "v1", 0)},
		"also long after":                       {admissionv1.Delete, webOf("v2", goes), memoryOfWeb(t, "v1", 9*time.Hour), memoryOfWeb(t, "v1", 0)},
		"deleted again, forgotten meanwhile":    {admissionv1.Delete, webOf("v1", goes), nil, memoryOfWeb(t, "v1", 0)},
		"let go by its last finalizer":          {admissionv1.Update, webOf("v2", goes), memoryOfWeb(t, "v1", 9*time.Hour), memoryOfWeb(t, "v1", 0)},
		"let go, forgotten meanwhile":           {admissionv1.Update, webOf("v1", goes), nil, memoryOfWeb(t, "v1", 0)},
		"an update of what does not go":         {admissionv1.Update, webOf("v1", ""), nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shopStub{web: tc.web, annotations: tc.memory}
			req := recreation(admissionv1.Delete, tc.web)
			req.Operation, req.Object.Raw = tc.operation, webOf("v9", goes) // whatever it is to be is of no matter
			if resp := s.handler(fixedNow).Handle(t.Context(), req); !resp.Allowed {
				t.Fatalf("refused: %+v", resp.Result)
			}
			if !maps.Equal(s.annotations, tc.want) {
				t.Errorf("remembered: %v, want %v", s.annotations, tc.want)
			}
			dry := true
			req.DryRun, s.version = &dry, 0
			if resp := s.handler(fixedNow).Handle(t.Context(), req); !resp.Allowed || s.version != 0 {
				t.Errorf("a dry run: allowed %t, written %d times", resp.Allowed, s.version)
			}
		})
	}
}

// TestANamespaceThatGoesRemembersNothing, and however much it remembers already,
// nothing of it is refused.
func TestANamespaceThatGoesRemembersNothing(t *testing.T) {
	full := map[string]string{}
	for i := range maxDeleted {
		full[v1alpha1.DeletedAnnotation("d"+strconv.Itoa(i))] = hold.Deleted{Hash: "h", At: testNow}.String()
	}
	s := &shopStub{web: webOf("v1", ""), annotations: full, goes: true}
	if resp := s.handler(fixedNow).Handle(t.Context(), recreation(admissionv1.Delete, s.web)); !resp.Allowed || s.version != 0 {
		t.Errorf("got %+v, written %d times", resp.Result, s.version)
	}
}

// TestAFullMemoryLetsGoWhatItRemembers: nothing is added to it.
func TestAFullMemoryLetsGoWhatItRemembers(t *testing.T) {
	full := memoryOfWeb(t, "v1", time.Minute)
	for i := range maxDeleted - 1 {
		full[v1alpha1.DeletedAnnotation("d"+strconv.Itoa(i))] = hold.Deleted{Hash: "h", At: testNow}.String()
	}
	s := &shopStub{web: webOf("v1", goes), annotations: full}
	req := recreation(admissionv1.Delete, s.web)
	req.Operation, req.Object.Raw = admissionv1.Update, webOf("v1", "")
	if resp := s.handler(fixedNow).Handle(t.Context(), req); !resp.Allowed {
		t.Errorf("refused: %+v", resp.Result)
	}
	s.web = []byte(strings.Replace(string(webOf("v1", "")), `"web"`, `"other"`, 1))
	if resp := s.handler(fixedNow).Handle(t.Context(), recreation(admissionv1.Delete, s.web)); resp.Allowed {
		t.Error("one more was deleted")
	}
}

// TestWhatIsRememberedAnewIsNotTakenForOld by a request that read it before.
func TestWhatIsRememberedAnewIsNotTakenForOld(t *testing.T) {
	other := strings.Replace(string(webOf("v1", "")), `"web"`, `"other"`, 1)
	s := &shopStub{web: []byte(other), annotations: memoryOfWeb(t, "v1", 2*time.Hour)}
	anew := memoryOfWeb(t, "v2", 0)
	s.meanwhile = func(s *shopStub) {
		value := anew[v1alpha1.DeletedAnnotation("web")]
		s.annotate(map[string]*string{v1alpha1.DeletedAnnotation("web"): &value})
	}
	if resp := s.handler(fixedNow).Handle(t.Context(), recreation(admissionv1.Delete, s.web)); !resp.Allowed {
		t.Fatalf("refused: %+v", resp.Result)
	}
	maps.Copy(anew, map[string]string{v1alpha1.DeletedAnnotation("other"): memoryOfWeb(t, "v1", 0)[v1alpha1.DeletedAnnotation("web")]})
	if !maps.Equal(s.annotations, anew) {
		t.Errorf("remembered: %v, want %v", s.annotations, anew)
	}
}

// TestWhatIsThereIsNotMadeAnew: a creation that overtakes a deletion would not
// find the memory of it. It is refused as the API server refuses it.
func TestWhatIsThereIsNotMadeAnew(t *testing.T) {
	for name, web := range map[string][]byte{"it stays": webOf("v1", ""), "it goes": webOf("v1", goes)} {
		t.Run(name, func(t *testing.T) {
			resp := (&shopStub{web: web}).handler(fixedNow).Handle(t.Context(), recreation(admissionv1.Create, webOf("v2", "")))
			if resp.Allowed || resp.Result.Reason != metav1.StatusReasonAlreadyExists {
				t.Errorf("got %+v", resp.Result)
			}
		})
	}
}

// TestNoOrderOfRequestsGetsPastAMemory: whatever a tenant does with a Deployment
// that ran v1, v2 is made no earlier than the delay after it was gone.
func TestNoOrderOfRequestsGetsPastAMemory(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		now, gone := testNow, testNow.Add(-24*time.Hour)
		s := &shopStub{web: webOf("v1", "")}
		h := s.handler(func() time.Time { return now })
		send := func(operation admissionv1.Operation, old, object []byte) bool {
			req := recreation(admissionv1.Delete, old)
			req.Operation, req.Object.Raw = operation, object
			return h.Handle(t.Context(), req).Allowed
		}
		kept := func() bool { return strings.Contains(string(s.web), "finalizers") }
		var story []string
		for range 40 {
			step := []string{"create v1", "create v2", "finalizer", "delete", "let go", "delete another", "wait"}[r.IntN(7)]
			story = append(story, step)
			switch {
			case strings.HasPrefix(step, "create"):
				made := webOf(strings.TrimPrefix(step, "create "), "")
				if !send(admissionv1.Create, nil, made) || s.web != nil {
					continue
				}
				if step == "create v2" && now.Sub(gone) <= time.Hour {
					t.Fatalf("seed %d: v2 was made %s after v1 was gone: %s", seed, now.Sub(gone), strings.Join(story, ", "))
				}
				s.web = webOf("v1", "") // v2 too: what comes after it is another story
			case step == "finalizer" && s.web != nil && !kept():
				s.web = webOf("v1", `,"finalizers":["example.com/mine"]`)
			case step == "delete" && s.web != nil && send(admissionv1.Delete, s.web, nil):
				if kept() {
					s.web = webOf("v1", goes)
				} else {
					s.web, gone = nil, now
				}
			case step == "let go" && strings.Contains(string(s.web), "deletionTimestamp") && send(admissionv1.Update, s.web, webOf("v1", "")):
				s.web, gone = nil, now
			case step == "delete another" && s.web == nil:
				s.web = []byte(strings.Replace(string(webOf("v1", "")), `"web"`, fmt.Sprintf(`"d%d"`, len(story)), 1))
				send(admissionv1.Delete, s.web, nil)
				s.web = nil
			case step == "wait":
				now = now.Add(time.Duration(r.IntN(90)) * time.Minute)
			}
		}
	}
}

// TestWhatIsTooLargeIsRememberedAsItIs: of its deletion nothing but name and UID is known, and the API server
// is asked.
func TestWhatIsTooLargeIsRememberedAsItIs(t *testing.T) {
	named := []byte(`{"metadata":{"name":"web","uid":""}}`)
	for name, tc := range map[string]struct {
		operation admissionv1.Operation
		web       []byte
		want      map[string]string
	}{
		"deleted":                      {admissionv1.Delete, webOf("v2", ""), memoryOfWeb(t, "v2", 0)},
		"let go by its last finalizer": {admissionv1.Update, webOf("v2", goes), memoryOfWeb(t, "v2", 0)},
		"gone already":                 {admissionv1.Delete, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shopStub{web: tc.web}
			req := recreation(admissionv1.Delete, named)
			req.Operation, req.Object.Raw = tc.operation, nil
			if resp, ok := s.handler(fixedNow).HandleLarge(t.Context(), req); !ok || !resp.Allowed {
				t.Fatalf("refused: %+v", resp.Result)
			}
			if !maps.Equal(s.annotations, tc.want) {
				t.Errorf("remembered: %v, want %v", s.annotations, tc.want)
			}
		})
	}
	if _, ok := (&shopStub{}).handler(fixedNow).HandleLarge(t.Context(), recreation(admissionv1.Create, nil)); ok {
		t.Error("a creation is answered that nobody has read")
	}
}
