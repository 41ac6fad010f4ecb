// Package evaluatortest is a cluster in memory with an evaluator, for tests of the packages below evaluator.
package evaluatortest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/workload"
)

// Noon is when clusters begin.
var Noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// What tests work with: the namespace, and the ID of the hold.
const (
	Namespace = "shop"
	HoldID    = "hold-1"
)

// Cluster is an API server in memory with what else acts in one: a webhook, a
// Deployment controller and kubelets, as far as runs depend on them.
type Cluster struct {
	T          *testing.T
	Evaluator  *evaluator.Evaluator
	API        client.WithWatch
	writer     client.Client
	registry   *prometheus.Registry
	Endpoints  measure.EndpointFunc
	Clock      *clocktesting.FakePassiveClock
	Prometheus *PrometheusStub

	mu     sync.Mutex // of what follows: runs may be worked on at once
	Events []string
	// Requests are those of the evaluator to the API server, each a verb and a kind, events among them.
	Requests []string

	// FailAt is the number of the write that fails, from 1; 0 is none. With
	// lost set the write is made, and only its answer is lost.
	FailAt      int
	Lost        bool
	Writes      int
	BeforeWrite func()
	Created     int // canary ReplicaSets
	// Releases are the swaps of the webhook; WebhookDown keeps it from them.
	Releases    int
	WebhookDown bool
	// Reject is the answer of the API server to a release, if not nil.
	Reject error
	// Full is the answer of the API server to what is to be made, if not nil.
	Full error
	// Admit is what admission makes of a pod, if not nil.
	Admit func(*corev1.Pod) error
	// RefusePods and RefuseScale are the answers to changes of pods and of ReplicaSets, if not nil.
	RefusePods, RefuseScale error
	// Sick keeps the pods of canaries from getting Ready.
	Sick bool
}

// Scheme has the kinds of clusters. Each caller has one of its own, as the fake
// client writes into it the kinds that it meets.
func Scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, discoveryv1.AddToScheme, v1alpha1.AddToScheme,
	} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

// ErrCut is the error of a write that is made to fail.
var ErrCut = errors.New("connection cut")

// NamespaceUID is that of the namespace.
const NamespaceUID = "uid-of-the-namespace"

// Key seals held records and stamps.
var Key = hold.Key(strings.Repeat("k", hold.KeySize))

// NewCluster has a guarded namespace with the Deployment web, rolled out with
// image v1, a CanaryPlan that takes ten seconds, and a Service.
func NewCluster(t *testing.T, objects ...client.Object) *Cluster {
	t.Helper()
	c := &Cluster{T: t, Clock: clocktesting.NewFakePassiveClock(Noon), Prometheus: &PrometheusStub{
		Answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}},
	}}
	guarded := map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryEnabled}
	marks := maps.Clone(guarded)
	marks[v1alpha1.StampedAnnotation] = Key.SealStamped(Noon.Format(time.RFC3339), NamespaceUID)
	stable := Web("v1")
	stable.Annotations = map[string]string{v1alpha1.StableAnnotation: Stamp(t, "v1"), workload.RevisionAnnotation: "1"}
	c.API = indexed(fake.NewClientBuilder().WithScheme(Scheme())).WithStatusSubresource(&v1alpha1.CanaryRun{}, &v1alpha1.CanaryPlan{}).WithObjects(append([]client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace, UID: NamespaceUID, Annotations: marks, Labels: guarded}},
		stable, OwnReplicaSet(stable, "web-1", "1"), QuickPlan("default"),
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		StablePod(stable, "a"), StablePod(stable, "b"), StablePod(stable, "c"),
	}, objects...)...).Build()
	writer := interceptor.NewClient(c.API, interceptor.Funcs{
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if pod, ok := o.(*unstructured.Unstructured); ok && pod.GetKind() == "Pod" {
				c.mu.Lock()
				c.asked("dry-run", o)
				c.mu.Unlock()
				return c.admitUnstructured(pod, opts)
			}
			return c.write("create", o, func() error {
				if c.Full != nil {
					return c.Full
				}
				o.SetUID(types.UID(fmt.Sprintf("uid-%s-%d", o.GetName(), c.Writes))) // another one of the name is another object
				o.SetCreationTimestamp(metav1.NewTime(c.Clock.Now()))
				err := api.Create(ctx, o, opts...)
				if err == nil && o.GetObjectKind().GroupVersionKind().Kind == "ReplicaSet" {
					c.Created++
				}
				return err
			})
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return c.write("patch", o, func() error { return c.patch(ctx, api, o, p, opts...) })
		},
		Delete: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return c.write("delete", o, func() error { return api.Delete(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return c.write("patch "+sub+" of", o, func() error { return api.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
	c.writer = writer
	c.Another(nil)
	return c
}

// indexed is an API server that has what the evaluator's cache has.
func indexed(b *fake.ClientBuilder) *fake.ClientBuilder {
	for _, index := range objects.Indexes() {
		b = b.WithIndex(index.Object, index.Field, index.Of)
	}
	return b
}

// Another has another evaluator go on, with other options.
func (c *Cluster) Another(edit func(*evaluator.Options)) {
	c.registry = prometheus.NewRegistry()
	o := evaluator.Options{Key: Key, Prometheus: c.Prometheus, Endpoints: c.endpointFor, Clock: c.Clock, HistoryLimit: 2, Registerer: c.registry}
	if edit != nil {
		edit(&o)
	}
	live := listing.Lister(counting{listingtest.APIServer{Reader: c.API}, c})
	if c.Evaluator != nil {
		live = c.Evaluator.Runs.Objects.Live
	}
	c.Evaluator = evaluator.New(o, Trimming{c.API}, live, c.writer, c)
}

// endpointFor is who answers: Prometheus, or what the test says.
func (c *Cluster) endpointFor(namespace, name string, matchers []string) (measure.Endpoint, error) {
	if c.Endpoints != nil {
		return c.Endpoints(namespace, name, matchers)
	}
	return measure.Endpoint{Querier: c.Prometheus}, nil
}

// Count is a counter or a gauge of the evaluator; label is that which has the value, "" where it has none.
func (c *Cluster) Count(name, label string) float64 {
	c.T.Helper()
	families, err := c.registry.Gather()
	c.Must(err)
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == name && (label == "" || m.Label[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	c.T.Errorf("there is no metric %s of %q", name, label)
	return 0
}

// Histogram is how many values a histogram of the evaluator has, and their sum.
func (c *Cluster) Histogram(name string) (count uint64, sum float64) {
	c.T.Helper()
	families, err := c.registry.Gather()
	c.Must(err)
	for _, family := range families {
		if family.GetName() == name {
			h := family.Metric[0].GetHistogram()
			return h.GetSampleCount(), h.GetSampleSum()
		}
	}
	c.T.Errorf("there is no histogram %s", name)
	return 0, 0
}

// admitUnstructured is the API server's part of the creation of a pod in a dry run.
func (c *Cluster) admitUnstructured(o *unstructured.Unstructured, opts []client.CreateOption) error {
	var options client.CreateOptions
	if options.ApplyOptions(opts); !slices.Equal(options.DryRun, []string{metav1.DryRunAll}) {
		c.T.Errorf("a pod is made, and not in a dry run: %v", o)
	}
	var pod corev1.Pod
	c.Must(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod))
	if c.Admit != nil {
		if err := c.Admit(&pod); err != nil {
			return err
		}
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
	o.Object = object
	return err
}

// Trimming reads objects as the cache of CacheOptions shows them.
type Trimming struct{ client.Reader }

// Get implements client.Reader.
func (r Trimming) Get(ctx context.Context, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := r.Reader.Get(ctx, name, o, opts...); err != nil {
		return err
	}
	return trim(o)
}

// List implements client.Reader.
func (r Trimming) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := r.Reader.List(ctx, list, opts...); err != nil {
		return err
	}
	return meta.EachListItem(list, func(o runtime.Object) error { return trim(o.(client.Object)) })
}

// trim makes an object what the cache would keep of it.
func trim(o client.Object) error {
	for kind, by := range kept() {
		if reflect.TypeOf(kind) != reflect.TypeOf(o) || kind.GetObjectKind().GroupVersionKind() != o.GetObjectKind().GroupVersionKind() && !isTyped(o) {
			continue
		}
		trimmed, err := by.Transform(o)
		if u, ok := trimmed.(*unstructured.Unstructured); ok {
			o.(*unstructured.Unstructured).Object = u.Object
		}
		return err
	}
	return nil
}

var kept = sync.OnceValue(func() map[client.Object]cache.ByObject { return objects.CacheOptions(Key).ByObject })

// isTyped says whether the Go type of an object tells its kind.
func isTyped(o client.Object) bool {
	switch o.(type) {
	case *unstructured.Unstructured, *metav1.PartialObjectMetadata:
		return false
	}
	return true
}

func (c *Cluster) write(verb string, o client.Object, do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Writes++
	c.asked(verb, o)
	if c.BeforeWrite != nil {
		c.BeforeWrite()
	}
	if c.Writes != c.FailAt {
		return do()
	}
	if c.Lost {
		_ = do()
	}
	return ErrCut
}

// patch is the API server's part of a patch, the webhook's included.
func (c *Cluster) patch(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	switch _, isPod := o.(*corev1.Pod); {
	case isPod && c.RefusePods != nil:
		return c.RefusePods
	case !isPod && c.RefuseScale != nil:
		if _, isSet := o.(*appsv1.ReplicaSet); isSet {
			return c.RefuseScale
		}
	}
	data, _ := p.Data(o)
	release := strings.Contains(string(data), `"`+v1alpha1.ReleaseAnnotation+`":"`)
	if release && c.Reject != nil {
		return c.Reject
	}
	if err := api.Patch(ctx, o, p, opts...); err != nil || !release || c.WebhookDown {
		return err
	}
	d := c.readDeployment(ctx)
	record, err := Key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	if err == nil && record.ID == d.Annotations[v1alpha1.ReleaseAnnotation] {
		c.Releases++
		d.Spec.Template = Web("v2").Spec.Template
		d.Annotations[v1alpha1.StableAnnotation] = Key.SealStamp(hold.Stamp{Hash: record.Hash}, d.UID)
		d.Annotations[workload.RevisionAnnotation] = "2"
		delete(d.Annotations, v1alpha1.HeldAnnotation)
	}
	delete(d.Annotations, v1alpha1.ReleaseAnnotation)
	return api.Update(ctx, d)
}

// Pass reads the probes that are due, reconciles everything once and lets the rest of the cluster act, then a
// second goes by. Errors are those of the writes that were made to fail.
func (c *Cluster) Pass() {
	c.T.Helper()
	ctx := ctrl.LoggerInto(c.T.Context(), logr.Discard())
	c.Evaluator.Probes.ReadDue(ctx)()
	if _, err := c.Evaluator.Deployments.Reconcile(ctx, Request(Namespace, "web")); err != nil && !errors.Is(err, ErrCut) {
		c.T.Fatalf("Deployment: %v", err)
	}
	for _, run := range c.Runs() {
		if err := ReconcileRun(ctx, c.Evaluator, run.Name); err != nil && !errors.Is(err, ErrCut) {
			c.T.Fatalf("run %s: %v", run.Name, err)
		}
	}
	c.act()
	c.Clock.SetTime(c.Clock.Now().Add(time.Second))
}

// ReconcileRun looks at a run, and again when a round that was asked for is measured, or a hook has answered,
// or at once where that is wanted.
func ReconcileRun(ctx context.Context, e *evaluator.Evaluator, name string) error {
	for range 100 {
		result, err := e.Runs.Reconcile(ctx, Request(Namespace, name))
		if done := e.Runs.Measured(types.NamespacedName{Namespace: Namespace, Name: name}); done != nil {
			<-done
			continue
		}
		if done := e.Runs.Hooks.Done(types.NamespacedName{Namespace: Namespace, Name: name}); done != nil {
			<-done
			continue
		}
		if err != nil || result.RequeueAfter != time.Millisecond {
			return err
		}
	}
	return nil
}

// Passes are some of Pass.
func (c *Cluster) Passes(n int) {
	c.T.Helper()
	for range n {
		c.Pass()
	}
}

// act is the part of the ReplicaSet and Deployment controllers and of kubelets.
func (c *Cluster) act() {
	ctx := c.T.Context()
	var sets appsv1.ReplicaSetList
	c.Must(c.API.List(ctx, &sets, client.HasLabels{v1alpha1.RunLabel}))
	var pods corev1.PodList
	c.Must(c.API.List(ctx, &pods, client.HasLabels{v1alpha1.RunLabel}))
	for i := range pods.Items { // the part of the garbage collector, and of a ReplicaSet that is to have none
		wanted := slices.ContainsFunc(sets.Items, func(rs appsv1.ReplicaSet) bool {
			return metav1.IsControlledBy(&pods.Items[i], &rs) && *rs.Spec.Replicas > 0
		})
		owner := metav1.GetControllerOf(&pods.Items[i])
		if len(sets.Items) == 0 || !wanted && owner != nil && owner.Kind == "ReplicaSet" {
			c.Must(client.IgnoreNotFound(c.API.Delete(ctx, &pods.Items[i])))
		}
	}
	for _, rs := range sets.Items {
		has := slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return metav1.IsControlledBy(&p, &rs) })
		if !has && rs.DeletionTimestamp == nil && *rs.Spec.Replicas > 0 {
			pod := CanaryPod(&rs, !c.Sick)
			if c.Admit != nil {
				_ = c.Admit(pod) // what is refused is refused to others
			}
			c.Must(c.API.Create(ctx, pod))
		}
	}
	d := c.Deployment()
	if Image(d) == "v2" {
		if err := c.API.Create(ctx, OwnReplicaSet(d, "web-2", "2")); err == nil {
			old := &appsv1.ReplicaSet{}
			c.Must(c.API.Get(ctx, types.NamespacedName{Namespace: Namespace, Name: "web-1"}, old))
			c.Must(c.API.Delete(ctx, old))
		}
	}
}

// Must ends the test with an error.
func (c *Cluster) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}

// Deployment reads the Deployment.
func (c *Cluster) Deployment() *appsv1.Deployment {
	c.T.Helper()
	return c.readDeployment(c.T.Context())
}

func (c *Cluster) readDeployment(ctx context.Context) *appsv1.Deployment {
	c.T.Helper()
	d := &appsv1.Deployment{}
	c.Must(c.API.Get(ctx, types.NamespacedName{Namespace: Namespace, Name: "web"}, d))
	return d
}

// AnnotateDeployment sets annotations, and takes off those that are "".
func (c *Cluster) AnnotateDeployment(annotations map[string]string) {
	c.T.Helper()
	d := c.Deployment()
	for k, v := range annotations {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, k, v)
		if v == "" {
			delete(d.Annotations, k)
		}
	}
	c.Must(c.API.Update(c.T.Context(), d))
}

// Runs are all there are.
func (c *Cluster) Runs() []v1alpha1.CanaryRun {
	c.T.Helper()
	var list v1alpha1.CanaryRunList
	c.Must(c.API.List(c.T.Context(), &list))
	return list.Items
}

// Canaries is how many ReplicaSets of runs there are.
func (c *Cluster) Canaries() int {
	c.T.Helper()
	var sets appsv1.ReplicaSetList
	c.Must(c.API.List(c.T.Context(), &sets, client.HasLabels{v1alpha1.RunLabel}))
	return len(sets.Items)
}

// Run is the only one there is.
func (c *Cluster) Run() v1alpha1.CanaryRun {
	c.T.Helper()
	runs := c.Runs()
	if len(runs) != 1 {
		c.T.Fatalf("%d runs, want one", len(runs))
	}
	return runs[0]
}

// Hold is what the webhook does with the update to an image.
func (c *Cluster) Hold() {
	c.T.Helper()
	c.AnnotateDeployment(map[string]string{v1alpha1.HeldAnnotation: c.Record()})
}

// Record is the held record of the update that Hold holds.
func (c *Cluster) Record() string {
	c.T.Helper()
	hash := HashOf(c.T, "v2")
	encoded, err := Key.Seal(hold.Record{
		ID: HoldID, Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.Deployment().UID,
		HeldAt: Noon, Origin: hold.OriginTemplate, Template: Template(c.T, "v2"),
	})
	c.Must(err)
	return encoded
}

// AnnotatedEventf makes a cluster an event recorder.

// Request asks for an object to be looked at.
func Request(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}
