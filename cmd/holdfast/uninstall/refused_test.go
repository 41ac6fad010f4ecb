package uninstall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// downFor is what an API server says while it cannot call a webhook that fails closed.
func downFor(webhook string) error {
	return apierrors.NewInternalError(fmt.Errorf(`failed calling webhook %q: failed to call webhook: no endpoints available`, webhook))
}

// TestWhatIsRefusedInOnePlace keeps nothing from being ended elsewhere, is named, and is not waited for.
func TestWhatIsRefusedInOnePlace(t *testing.T) {
	frozen := apierrors.NewForbidden(schema.GroupResource{Resource: "deployments"}, "web", errors.New("change freeze"))
	for name, tc := range map[string]struct {
		patch, deletion error // of what is in the namespace "refuses"
		says            []string
		left            string // the runs that are
	}{
		"a write by a policy":                  {patch: frozen, says: []string{"Deployment refuses/web is held still", "change freeze"}},
		"a write by a webhook out of order":    {patch: downFor("sidecar.example.com"), says: []string{"Deployment refuses/web", "sidecar.example.com"}},
		"a deletion, whose canary stays":       {deletion: frozen, says: []string{"canary run refuses/web", "change freeze"}, left: "refuses"},
		"both":                                 {patch: frozen, deletion: frozen, says: []string{"Deployment refuses/web", "canary run refuses/web"}, left: "refuses"},
		"none, after a moment in which it was": {patch: downFor("required.hold.holdfast.dev")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var objects []client.Object
			if tc.deletion != nil {
				canary := metav1.ObjectMeta{Namespace: "refuses", Name: "web-canary", Labels: map[string]string{v1alpha1.RunLabel: "web"}, OwnerReferences: ofRun}
				objects = append(objects, &appsv1.ReplicaSet{ObjectMeta: canary})
			}
			for _, namespace := range []string{"before", "refuses", "then"} {
				meta := metav1.ObjectMeta{Namespace: namespace, Name: "web", Annotations: map[string]string{v1alpha1.HeldAnnotation: "{}"}}
				objects = append(objects, &appsv1.Deployment{ObjectMeta: meta}, &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}})
			}
			asked := 0
			api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
				Patch: func(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
					if o.GetNamespace() == "refuses" {
						if asked++; tc.patch != nil && (len(tc.says) > 0 || asked == 1) {
							return tc.patch
						}
					}
					return c.Patch(ctx, o, p, opts...)
				},
				Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
					if o.GetNamespace() == "refuses" && tc.deletion != nil {
						return tc.deletion
					}
					return c.Delete(ctx, o, opts...)
				},
			}).Build()
			var out strings.Builder
			err := (&ending{Client: api, options: Options{namespace: "holdfast-system", deployment: "holdfast"}, out: &out, now: time.Now, takeOff: func(context.Context) ([]string, error) { return nil, nil }}).end(t.Context())
			wantSays(t, err, tc.says)
			wantHeld(t, api, tc.patch != nil && len(tc.says) > 0)
			wantRuns(t, api, tc.left)
			if asked > 2 {
				t.Errorf("it was asked %d times", asked)
			}
		})
	}
}

var ofRun = []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CanaryRun", Name: "web", UID: "run", Controller: new(true)}}

// TestACanaryOfARunThatEnded goes with its run; other runs that ended stay.
func TestACanaryOfARunThatEnded(t *testing.T) {
	ended := func(name, uid string) *v1alpha1.CanaryRun {
		return &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "web", UID: types.UID(uid)}, Status: v1alpha1.CanaryRunStatus{Phase: v1alpha1.PhaseReleased}}
	}
	canary := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "left", Name: "web-canary", Labels: map[string]string{v1alpha1.RunLabel: "web"}, OwnerReferences: ofRun}}
	api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(ended("left", "run"), ended("history", "other"), canary).Build()
	if err := (&ending{Client: api, out: io.Discard}).endRuns(t.Context()); err != nil {
		t.Error(err)
	}
	wantRuns(t, api, "history")
}

// TestNobodyKeepsAnUninstallWaiting: by the label of canaries on something else, nor by a finalizer on one.
func TestNobodyKeepsAnUninstallWaiting(t *testing.T) {
	labels, now := map[string]string{v1alpha1.RunLabel: "web"}, metav1.Now()
	canary := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "canary", Labels: labels, OwnerReferences: ofRun}}
	kept := canary.DeepCopy()
	kept.Name, kept.DeletionTimestamp, kept.Finalizers = "kept", &now, []string{"example.com/mine"}
	foreign := canary.DeepCopy()
	foreign.OwnerReferences[0].APIVersion = "example.com/v1"
	labeled := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "labeled", Labels: labels}}
	for name, tc := range map[string]struct {
		there []client.Object
		waits bool
	}{
		"the label alone": {[]client.Object{labeled}, false},
		"a finalizer":     {[]client.Object{kept}, false},
		"another's kind":  {[]client.Object{foreign}, false},
		"a canary":        {[]client.Object{canary, labeled}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			api := fake.NewClientBuilder().WithScheme(testScheme(t)) // writes to the objects it is given
			for _, o := range tc.there {
				api.WithObjects(o.DeepCopyObject().(client.Object))
			}
			err := (&ending{Client: api.Build(), out: io.Discard}).awaitNoCanaries(ctx)
			if (err != nil) != tc.waits || tc.waits && !strings.Contains(err.Error(), "there are 1, such as the ReplicaSets [shop/canary]") {
				t.Errorf("says %v", err)
			}
		})
	}
}

// TestWhatFinalizersKeepServesNoMore, and is named, so that whose they are takes them off.
func TestWhatFinalizersKeepServesNoMore(t *testing.T) {
	now := metav1.Now()
	mine := []string{"example.com/mine"}
	kept := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: "canary", UID: "set", Labels: map[string]string{v1alpha1.RunLabel: "web"},
		OwnerReferences: ofRun, DeletionTimestamp: &now, Finalizers: mine,
	}}
	pod := func(name string, of types.UID) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, Labels: kept.Labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "canary", UID: of, Controller: new(true)}},
		}}
	}
	plan := &v1alpha1.CanaryPlan{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "strict", Finalizers: mine}}
	api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(kept, pod("serves", "set"), pod("of-another", "other"), plan).Build()
	var out strings.Builder
	if err := (&ending{Client: api, out: &out}).endKept(t.Context()); err != nil {
		t.Fatal(err)
	}
	var pods corev1.PodList
	if err := api.List(t.Context(), &pods); err != nil || len(pods.Items) != 1 || pods.Items[0].Name != "of-another" {
		t.Errorf("left are %v, %v", pods.Items, err)
	}
	for _, word := range []string{`ReplicaSet shop/canary of a canary is deleted, and kept by finalizers ["example.com/mine"]`, "CanaryPlan shop/strict has finalizers"} {
		if !strings.Contains(out.String(), word) {
			t.Errorf("does not say %q:\n%s", word, &out)
		}
	}
	if strings.Contains(out.String(), "no canary is left") {
		t.Errorf("says that none is left:\n%s", &out)
	}
}

func testScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	return scheme
}

func wantSays(t *testing.T, err error, words []string) {
	t.Helper()
	if (err != nil) != (len(words) > 0) {
		t.Fatalf("says %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("does not say %q: %v", word, err)
		}
	}
}

// wantHeld: only what could not be ended is held still, and of all else there is an event.
func wantHeld(t *testing.T, api client.Client, refused bool) {
	t.Helper()
	var deployments appsv1.DeploymentList
	var events eventsv1.EventList
	if err := errors.Join(api.List(t.Context(), &deployments), api.List(t.Context(), &events)); err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, d := range deployments.Items {
		if _, is := d.Annotations[v1alpha1.HeldAnnotation]; is {
			held++
			if !refused || d.Namespace != "refuses" {
				t.Errorf("in %s the update is held still", d.Namespace)
			}
		}
	}
	if len(events.Items)+held != 3 || events.Items[0].Type != corev1.EventTypeWarning {
		t.Errorf("%d held and told of by %v", held, events.Items)
	}
}

func wantRuns(t *testing.T, api client.Client, want string) {
	t.Helper()
	var runs v1alpha1.CanaryRunList
	if err := api.List(t.Context(), &runs); err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, run := range runs.Items {
		left = append(left, run.Namespace)
	}
	if got := strings.Join(left, " "); got != want {
		t.Errorf("runs are left in %q, want %q", got, want)
	}
}

// TestARunThatIsKeptKeepsNoCanary: the garbage collector takes nothing of what is not gone, so an uninstall
// would wait for as long as somebody's finalizer keeps a run.
func TestARunThatIsKeptKeepsNoCanary(t *testing.T) {
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", UID: "run", Finalizers: []string{"example.com/mine"}}}
	set := func(name string, of types.UID) *appsv1.ReplicaSet {
		owner := ofRun[0]
		owner.UID = of
		return &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, UID: types.UID(name), Labels: map[string]string{v1alpha1.RunLabel: "web"}, OwnerReferences: []metav1.OwnerReference{owner},
		}}
	}
	api := fake.NewClientBuilder().WithScheme(testScheme(t)).WithObjects(run, set("canary", "run"), set("of-another", "other")).Build()
	if err := (&ending{Client: api, out: io.Discard}).endRuns(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sets appsv1.ReplicaSetList
	if err := api.List(t.Context(), &sets); err != nil || len(sets.Items) != 1 || sets.Items[0].Name != "of-another" {
		t.Errorf("left are %v, %v", sets.Items, err)
	}
}
