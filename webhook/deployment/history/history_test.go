package history

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

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
	"holdfast.dev/holdfast/internal/surround"
	"holdfast.dev/holdfast/internal/workload"
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
		if got := (Revisions{known: tc.known}).Previous(); got != tc.want {
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

const testUID = types.UID("7a4e2b0c-95a1-4a57-9f0e-6a1f2d3c4b5a")

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
		found, err := Server{Reader: listingtest.APIServer{Reader: lagging{server, "web-" + gone}}}.Revisions(t.Context(), "shop", webItself, nil, v1)
		if err != nil {
			t.Fatal(err)
		}
		if found.Has(v1) != (gone == "") || !found.Has(v2) {
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
			found, err := Server{Reader: listingtest.APIServer{Reader: server}}.Revisions(t.Context(), "shop", webItself, nil, asked)
			if err != nil {
				t.Fatal(err)
			}
			if found.Has(asked) != tc.revision {
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
		found, err := Server{Reader: listingtest.APIServer{Reader: server}}.Revisions(t.Context(), "shop", webItself, nil, asked)
		if err != nil {
			t.Fatal(err)
		}
		if found.Has(asked) == deleted {
			t.Errorf("deleted %t, the revisions are %v", deleted, found)
		}
	}
}

// watched is an API server that tells what is read of it.
type watched struct {
	listing.Lister
	read *[]string // the names of ReplicaSets that are read whole
}

func (b watched) Each(ctx context.Context, q listing.Query, visit func([]byte) error) error {
	return b.Lister.Each(ctx, q, func(object []byte) error {
		if rs, err := listing.Decode[workload.ReplicaSet](object); !q.MetadataOnly && err == nil {
			*b.read = append(*b.read, rs.Metadata.Name)
		}
		return visit(object)
	})
}

// manyRevisions is an API server with so many revisions of web, v0 the oldest, and
// as many ReplicaSets of somebody that match its selector.
func manyRevisions(n int) watched {
	builder := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme)
	for i := range n {
		version := fmt.Sprintf("v%d", i)
		rs := replicaSetOf("web-"+version, version, map[string]string{"app": "web", workload.TemplateHashLabel: version})
		rs.Annotations = map[string]string{workload.RevisionAnnotation: strconv.Itoa(i + 1)}
		decoy := replicaSetOf("decoy-"+version, version, map[string]string{"app": "web"})
		decoy.OwnerReferences = nil
		builder = builder.WithObjects(rs, decoy)
	}
	return watched{Lister: listingtest.APIServer{Reader: builder.Build()}, read: new([]string)}
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
		found, err := Server{Reader: server}.Revisions(t.Context(), "shop", webItself, nil, template(n-1))
		if err != nil {
			t.Fatal(err)
		}
		if len(*server.read) != min(n, maxRevisions) || len(found.known) != min(n, maxRevisions) || found.Cut != cut {
			t.Errorf("of %d revisions %d were read, %d are known; %q", n, len(*server.read), len(found.known), found.Cut)
		}
		if n > 1 && (!found.Has(template(n-1)) || found.Previous() != template(n-2)) {
			t.Errorf("of %d revisions the newest are not known", n)
		}
		if n > maxRevisions && found.Has(template(0)) {
			t.Error("the oldest is known")
		}
	}
}

// TestARevisionIsReadWholeOnce: until its spec is another one, or other marks count.
func TestARevisionIsReadWholeOnce(t *testing.T) {
	rs := replicaSetOf("web-v1", "v1", map[string]string{"app": "web", workload.TemplateHashLabel: "v1"})
	rs.Generation = 1
	api := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithObjects(rs).Build()
	server := watched{Lister: listingtest.APIServer{Reader: api}, read: new([]string)}
	remembering := Server{Reader: server, Hashes: &Hashes{}}
	look := func(marks hold.Marks, reads int, image string) {
		t.Helper()
		found, err := remembering.Revisions(t.Context(), "shop", webItself, marks, "")
		if err != nil {
			t.Fatal(err)
		}
		like := replicaSetOf("web-v1", image, nil)
		if len(*server.read) != reads || !found.Has(templateOf(t, like)) || !found.Stored(templateOf(t, like)) || found.known[0].name != "web-v1" {
			t.Errorf("after %d reads, want %d, the revisions are %+v", len(*server.read), reads, found.known)
		}
	}
	look(nil, 1, "v1")
	look(nil, 1, "v1")
	look(hold.Marks{"a"}, 2, "v1")
	look(hold.Marks{"a"}, 2, "v1")
	look(nil, 2, "v1")
	rs.Spec.Template.Spec.Containers[0].Image, rs.Generation = "v2", 2
	if err := api.Update(t.Context(), rs); err != nil {
		t.Fatal(err)
	}
	look(nil, 3, "v2")
	look(nil, 3, "v2")
}

func TestNoMoreRevisionsAreRememberedThanThereIsRoomFor(t *testing.T) {
	var h Hashes
	for i := range mostRemembered + 10 {
		one := revision{uid: types.UID(strconv.Itoa(i)), generation: 1}
		h.keep(one, 1, nil)
		if known, _ := h.fill([]revision{one}, nil); len(known) != 1 {
			t.Fatal("what was read last is not remembered")
		}
	}
	if len(h.known) != mostRemembered {
		t.Errorf("%d are remembered", len(h.known))
	}
}

// TestWhatCannotBeLookedAtIsNotTold, and keeps no update from being held.
func TestWhatCannotBeLookedAtIsNotTold(t *testing.T) {
	h := Server{Reader: tardy{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if left := h.Services(ctx, "shop"); left != nil {
		t.Errorf("left: %v", left)
	}
	if gone := h.Gone(ctx, "shop", []surround.Reference{{Kind: surround.ConfigMap, Name: "a"}}); gone != nil {
		t.Errorf("gone: %v", gone)
	}
}

// tardy is an API server that answers nobody in time.
type tardy struct{ listing.Lister }

func (tardy) Each(ctx context.Context, _ listing.Query, _ func([]byte) error) error {
	<-ctx.Done()
	return ctx.Err()
}

func (tardy) Get(ctx context.Context, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	<-ctx.Done()
	return ctx.Err()
}
