package deployment

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/workload"
	"holdfast.dev/holdfast/webhook/deployment/casetest"
)

func TestThePreviousRevisionIsTheNewestButOne(t *testing.T) {
	for _, tc := range []struct {
		want  hold.Hash
		known []revision
	}{
		{"", nil},
		{"", []revision{{version: "a", number: 1}}},
		{"b", []revision{{version: "a", number: 1}, {version: "c", number: 7}, {version: "b", number: 5}}},
		{"a", []revision{{version: "a", number: 1}, {version: "c", number: 7}}},
		{"c", []revision{{version: "x", number: 9}, {version: "b", number: 0}, {version: "c", number: 2}}},
	} {
		if got := (revisions{known: tc.known}).previous(); got != tc.want {
			t.Errorf("previous of %v is %q, want %q", tc.known, got, tc.want)
		}
	}
}

// lagging is an API server whose cache has ReplicaSets that etcd has no more.
type lagging struct {
	client.Reader
	gone string
}

func (l lagging) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if key.Name == l.gone {
		return apierrors.NewNotFound(schema.GroupResource{Group: "apps", Resource: "replicasets"}, key.Name)
	}
	return l.Reader.Get(ctx, key, object, options...)
}

// replicaSetOf is what a template left behind, with the Deployment "web" as its controller.
func replicaSetOf(name, image string, labels map[string]string) *appsv1.ReplicaSet {
	controller := true
	rs := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name, UID: types.UID(name), Labels: labels,
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: testUID, Controller: &controller}},
	}}
	rs.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: image}}
	return rs
}

func templateOf(t *testing.T, rs *appsv1.ReplicaSet) hold.Hash {
	t.Helper()
	template, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&rs.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hold.HashOf(template)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// webItself is the Deployment that the ReplicaSets are asked of.
var webItself = workload.Deployment{Object: map[string]any{
	"metadata": map[string]any{"name": "web", "uid": string(testUID)},
	"spec":     map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"app": "web"}}},
}}

func TestATemplateIsNoRevisionIfItsReplicaSetIsGone(t *testing.T) {
	replicaSet := func(image string) *appsv1.ReplicaSet {
		return replicaSetOf("web-"+image, image, map[string]string{"app": "web", workload.TemplateHashLabel: image})
	}
	v1, v2 := templateOf(t, replicaSet("v1")), templateOf(t, replicaSet("v2"))
	server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(replicaSet("v1"), replicaSet("v2")).Build()
	for _, gone := range []string{"", "v1"} {
		found, err := History{Reader: listingtest.APIServer{Reader: lagging{server, "web-" + gone}}}.Revisions(t.Context(), "shop", webItself, nil, v1)
		if err != nil {
			t.Fatal(err)
		}
		if found.has(v1) != (gone == "") || !found.has(v2) {
			t.Errorf("with %q gone the revisions are %v", gone, found)
		}
	}
}

// TestAnAdoptedReplicaSetIsNoRevision: it has the Deployment as its controller,
// but was made for another one, or by hand.
func TestAnAdoptedReplicaSetIsNoRevision(t *testing.T) {
	for sentence, tc := range map[string]struct {
		name, hash string
		revision   bool
	}{
		"made for it":                         {"web-6d4b75cb6d", "6d4b75cb6d", true},
		"made for another Deployment":         {"x-6d4b75cb6d", "6d4b75cb6d", false},
		"made for one that begins as it does": {"web-x-6d4b75cb6d", "6d4b75cb6d", false},
		"made by hand with such a name":       {"web-6d4b75cb6d", "", false},
		"made by hand with no such name":      {"web-", "", false},
	} {
		t.Run(sentence, func(t *testing.T) {
			labels := map[string]string{"app": "web"}
			if tc.hash != "" {
				labels[workload.TemplateHashLabel] = tc.hash
			}
			rs := replicaSetOf(tc.name, "v9", labels)
			asked := templateOf(t, rs)
			server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(rs).Build()
			found, err := History{Reader: listingtest.APIServer{Reader: server}}.Revisions(t.Context(), "shop", webItself, nil, asked)
			if err != nil {
				t.Fatal(err)
			}
			if found.has(asked) != tc.revision {
				t.Errorf("the revisions are %v", found)
			}
		})
	}
}

// TestATemplateIsNoRevisionIfItsReplicaSetIsBeingDeleted, and something keeps it
// still: a rollout to it would get no pods.
func TestATemplateIsNoRevisionIfItsReplicaSetIsBeingDeleted(t *testing.T) {
	rs := replicaSetOf("web-v1", "v1", map[string]string{"app": "web", workload.TemplateHashLabel: "v1"})
	rs.Finalizers = []string{"example.com/mine"}
	asked := templateOf(t, rs)
	server := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(rs).Build()
	for _, deleted := range []bool{false, true} {
		if deleted {
			if err := server.Delete(t.Context(), rs); err != nil {
				t.Fatal(err)
			}
		}
		found, err := History{Reader: listingtest.APIServer{Reader: server}}.Revisions(t.Context(), "shop", webItself, nil, asked)
		if err != nil {
			t.Fatal(err)
		}
		if found.has(asked) == deleted {
			t.Errorf("deleted %t, the revisions are %v", deleted, found)
		}
	}
}

// bounded is an API server of which some lists are too long to be read.
type bounded struct {
	listing.Lister
	metadata, whole bool
	read            *[]string // the names of ReplicaSets that are read whole
}

func (b bounded) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	if q.MetadataOnly && b.metadata || !q.MetadataOnly && b.whole {
		return listing.ErrTooMuch
	}
	return b.Lister.Each(ctx, q, func(object []byte) error {
		if rs, err := listing.Decode[workload.ReplicaSet](object); !q.MetadataOnly && err == nil {
			*b.read = append(*b.read, rs.Metadata.Name)
		}
		return visit(object)
	})
}

// manyRevisions is an API server with so many revisions of web, v0 the oldest, and
// as many ReplicaSets of somebody that match its selector.
func manyRevisions(n int) bounded {
	builder := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme)
	for i := range n {
		version := fmt.Sprintf("v%d", i)
		rs := replicaSetOf("web-"+version, version, map[string]string{"app": "web", workload.TemplateHashLabel: version})
		rs.Annotations = map[string]string{workload.RevisionAnnotation: strconv.Itoa(i + 1)}
		decoy := replicaSetOf("decoy-"+version, version, map[string]string{"app": "web"})
		decoy.OwnerReferences = nil
		builder = builder.WithObjects(rs, decoy)
	}
	return bounded{Lister: listingtest.APIServer{Reader: builder.Build()}, read: new([]string)}
}

// TestOnlyRevisionsAreReadWhole: those of nobody are not, however many there are;
// of those that are the Deployment's the newest ones.
func TestOnlyRevisionsAreReadWhole(t *testing.T) {
	template := func(i int) hold.Hash {
		version := fmt.Sprintf("v%d", i)
		return templateOf(t, replicaSetOf("web-"+version, version, nil))
	}
	for n, cut := range map[int]string{0: "", 11: "", maxRevisions: "", maxRevisions + 50: "of its 150 ReplicaSets the newest 100 were looked at"} {
		server := manyRevisions(n)
		found, err := History{Reader: server}.Revisions(t.Context(), "shop", webItself, nil, template(n-1))
		if err != nil {
			t.Fatal(err)
		}
		if len(*server.read) != min(n, maxRevisions) || len(found.known) != min(n, maxRevisions) || found.cut != cut {
			t.Errorf("of %d revisions %d were read, %d are known; %q", n, len(*server.read), len(found.known), found.cut)
		}
		if n > 1 && (!found.has(template(n-1)) || found.previous() != template(n-2)) {
			t.Errorf("of %d revisions the newest are not known", n)
		}
		if n > maxRevisions && found.has(template(0)) {
			t.Error("the oldest is known")
		}
	}
}

// TestARevisionThatMayBeOverlookedIsNeverReleased: it is held like a new template, and
// while another one is held nothing is guessed.
func TestARevisionThatMayBeOverlookedIsNeverReleased(t *testing.T) {
	held := newTemplate()
	held.Held = map[string]any{"metadata": map[string]any{"labels": map[string]any{"v": "3"}}}
	set := held
	set.Request.Manager = "kubectl-set"
	for sentence, tc := range map[string]struct {
		c        casetest.Case
		held     bool
		answered string
	}{
		"nothing is held":                       {newTemplate(), true, "counts as a new template"},
		"an update is held":                     {held, false, "cannot be told whether this rolls Deployment web back"},
		"an update is held, and a field is set": {set, true, "counts as a new template"},
	} {
		for why, server := range map[string]bounded{
			"metadata": {metadata: true}, "templates": {whole: true},
		} {
			for _, failClosed := range []bool{true, false} {
				t.Run(fmt.Sprint(sentence, ", too large are the ", why, ", fails closed ", failClosed), func(t *testing.T) {
					handler, req := setUp(t, tc.c)
					server.Lister = handler.History.Reader
					handler.History.Reader, handler.FailClosed = server, failClosed
					resp := handler.Handle(t.Context(), req)
					said := strings.Join(resp.Warnings, "\n")
					if resp.Result != nil {
						said += resp.Result.Message
					}
					if resp.Allowed != tc.held || !strings.Contains(said, tc.answered) || !strings.Contains(said, "revisionHistoryLimit") {
						t.Errorf("allowed is %v; it says: %s", resp.Allowed, said)
					}
					if tc.held && !strings.Contains(said, "update held") {
						t.Errorf("it is not held; it says: %s", said)
					}
				})
			}
		}
	}
}

// allTaken is an API server that has every run that is asked for.
type allTaken struct{ listing.Lister }

func (allTaken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

func TestNamesOfRunsAreNotLookedForWithoutEnd(t *testing.T) {
	handler, req := setUp(t, newTemplate())
	handler.History.Reader = allTaken{handler.History.Reader}
	if resp := handler.Handle(t.Context(), req); resp.Allowed || !strings.Contains(resp.Result.Message, "delete those that you need no more") {
		t.Errorf("got %+v", resp)
	}
}
