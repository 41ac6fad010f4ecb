package evaluator

import (
	"context"
	"errors"
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
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/listing/listingtest"
	"holdfast.dev/holdfast/internal/workload"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	namespace = "shop"
	holdID    = "hold-1"
)

// cluster is an API server in memory with what else acts in one: a webhook, a
// Deployment controller and kubelets, as far as runs depend on them.
type cluster struct {
	t          *testing.T
	e          *evaluator
	api        client.WithWatch
	writer     client.Client
	registry   *prometheus.Registry
	endpoints  measure.Endpoints
	clock      *clocktesting.FakePassiveClock
	prometheus *prometheusStub

	mu     sync.Mutex // of what follows: runs may be worked on at once
	events []string

	// failAt is the number of the write that fails, from 1; 0 is none. With
	// lost set the write is made, and only its answer is lost.
	failAt      int
	lost        bool
	writes      int
	beforeWrite func()
	created     int // canary ReplicaSets
	// releases are the swaps of the webhook; webhookDown keeps it from them.
	releases    int
	webhookDown bool
	// reject is the answer of the API server to a release, if not nil.
	reject error
	// full is the answer of the API server to what is to be made, if not nil.
	full error
	// admit is what admission makes of a pod, if not nil.
	admit func(*corev1.Pod) error
	// refusePods and refuseScale are the answers to changes of pods and of ReplicaSets, if not nil.
	refusePods, refuseScale error
	// sick keeps the pods of canaries from getting Ready.
	sick bool
}

var scheme = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, autoscalingv2.AddToScheme, corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
})

var errCut = errors.New("connection cut")

var key = hold.Key(strings.Repeat("k", hold.KeySize))

// newCluster has a guarded namespace with the Deployment web, rolled out with
// image v1, a CanaryPlan that takes ten seconds, and a Service.
func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	c := &cluster{t: t, clock: clocktesting.NewFakePassiveClock(noon), prometheus: &prometheusStub{
		answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}},
	}}
	guarded := map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryEnabled}
	stable := web("v1")
	stable.Annotations = map[string]string{v1alpha1.StableAnnotation: string(hashOf(t, "v1")), workload.RevisionAnnotation: "1"}
	c.api = fake.NewClientBuilder().WithScheme(scheme()).WithStatusSubresource(&v1alpha1.CanaryRun{}).WithObjects(append([]client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Annotations: guarded, Labels: guarded}},
		stable, ownReplicaSet(stable, "web-1", "1"), quickPlan("default"),
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		stablePod(stable, "a"), stablePod(stable, "b"), stablePod(stable, "c"),
	}, objects...)...).Build()
	writer := interceptor.NewClient(c.api, interceptor.Funcs{
		Create: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			if pod, ok := o.(*unstructured.Unstructured); ok && pod.GetKind() == "Pod" {
				return c.admitUnstructured(pod, opts)
			}
			return c.write(func() error {
				if c.full != nil {
					return c.full
				}
				o.SetUID(types.UID("uid-" + o.GetName()))
				o.SetCreationTimestamp(metav1.NewTime(c.clock.Now()))
				err := api.Create(ctx, o, opts...)
				if err == nil && o.GetObjectKind().GroupVersionKind().Kind == "ReplicaSet" {
					c.created++
				}
				return err
			})
		},
		Patch: func(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			return c.write(func() error { return c.patch(ctx, api, o, p, opts...) })
		},
		Delete: func(ctx context.Context, api client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			return c.write(func() error { return api.Delete(ctx, o, opts...) })
		},
		SubResourcePatch: func(ctx context.Context, api client.Client, sub string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
			return c.write(func() error { return api.SubResource(sub).Patch(ctx, o, p, opts...) })
		},
	})
	c.writer = writer
	c.another(nil)
	return c
}

// another has another evaluator go on, with other options.
func (c *cluster) another(edit func(*Options)) {
	c.registry = prometheus.NewRegistry()
	o := Options{Key: key, Prometheus: c.prometheus, Endpoints: c.endpointFor, Clock: c.clock, HistoryLimit: 2, Registerer: c.registry}
	if edit != nil {
		edit(&o)
	}
	live := listing.Reader(listingtest.Reader{Reader: c.api})
	if c.e != nil {
		live = c.e.runs.Objects.Live
	}
	c.e = newEvaluator(o, trimming{c.api}, live, c.writer, c)
}

// endpointFor is who answers: Prometheus, or what the test says.
func (c *cluster) endpointFor(namespace, name string, matchers []string) (measure.Endpoint, error) {
	if c.endpoints != nil {
		return c.endpoints(namespace, name, matchers)
	}
	return measure.Endpoint{Querier: c.prometheus}, nil
}

// count is a counter or a gauge of the evaluator; label is that which has the value, "" where it has none.
func (c *cluster) count(name, label string) float64 {
	c.t.Helper()
	families, err := c.registry.Gather()
	c.must(err)
	for _, family := range families {
		for _, m := range family.Metric {
			if family.GetName() == name && (label == "" || m.Label[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	c.t.Errorf("there is no metric %s of %q", name, label)
	return 0
}

// admitUnstructured is the API server's part of the creation of a pod in a dry run.
func (c *cluster) admitUnstructured(o *unstructured.Unstructured, opts []client.CreateOption) error {
	var options client.CreateOptions
	if options.ApplyOptions(opts); !slices.Equal(options.DryRun, []string{metav1.DryRunAll}) {
		c.t.Errorf("a pod is made, and not in a dry run: %v", o)
	}
	var pod corev1.Pod
	c.must(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &pod))
	if c.admit != nil {
		if err := c.admit(&pod); err != nil {
			return err
		}
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod)
	o.Object = object
	return err
}

// trimming reads objects as the cache of CacheOptions shows them.
type trimming struct{ client.Reader }

func (r trimming) Get(ctx context.Context, name client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if err := r.Reader.Get(ctx, name, o, opts...); err != nil {
		return err
	}
	return trim(o)
}

func (r trimming) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
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

var kept = sync.OnceValue(func() map[client.Object]cache.ByObject { return objects.CacheOptions(key).ByObject })

// isTyped says whether the Go type of an object tells its kind.
func isTyped(o client.Object) bool {
	switch o.(type) {
	case *unstructured.Unstructured, *metav1.PartialObjectMetadata:
		return false
	}
	return true
}

func (c *cluster) write(do func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.beforeWrite != nil {
		c.beforeWrite()
	}
	if c.writes != c.failAt {
		return do()
	}
	if c.lost {
		_ = do()
	}
	return errCut
}

// patch is the API server's part of a patch, the webhook's included.
func (c *cluster) patch(ctx context.Context, api client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
	switch _, isPod := o.(*corev1.Pod); {
	case isPod && c.refusePods != nil:
		return c.refusePods
	case !isPod && c.refuseScale != nil:
		if _, isSet := o.(*appsv1.ReplicaSet); isSet {
			return c.refuseScale
		}
	}
	data, _ := p.Data(o)
	release := strings.Contains(string(data), `"`+v1alpha1.ReleaseAnnotation+`":"`)
	if release && c.reject != nil {
		return c.reject
	}
	if err := api.Patch(ctx, o, p, opts...); err != nil || !release || c.webhookDown {
		return err
	}
	d := c.readDeployment(ctx)
	record, err := key.Open(d.Annotations[v1alpha1.HeldAnnotation], d.UID)
	if err == nil && record.ID == d.Annotations[v1alpha1.ReleaseAnnotation] {
		c.releases++
		d.Spec.Template = web("v2").Spec.Template
		d.Annotations[v1alpha1.StableAnnotation] = string(record.Hash)
		d.Annotations[workload.RevisionAnnotation] = "2"
		delete(d.Annotations, v1alpha1.HeldAnnotation)
	}
	delete(d.Annotations, v1alpha1.ReleaseAnnotation)
	return api.Update(ctx, d)
}

// pass reconciles everything once and lets the rest of the cluster act, then a
// second goes by. Errors are those of the writes that were made to fail.
func (c *cluster) pass() {
	c.t.Helper()
	ctx := ctrl.LoggerInto(c.t.Context(), logr.Discard())
	if _, err := c.e.deployments.Reconcile(ctx, request(namespace, "web")); err != nil && !errors.Is(err, errCut) {
		c.t.Fatalf("Deployment: %v", err)
	}
	for _, run := range c.runs() {
		if err := reconcileRun(ctx, c.e, run.Name); err != nil && !errors.Is(err, errCut) {
			c.t.Fatalf("run %s: %v", run.Name, err)
		}
	}
	c.act()
	c.clock.SetTime(c.clock.Now().Add(time.Second))
}

// Reconcile looks at a run, and again when a round that was asked for is measured.
func reconcileRun(ctx context.Context, e *evaluator, name string) error {
	for {
		_, err := e.runs.Reconcile(ctx, request(namespace, name))
		done := e.runs.Measured(types.NamespacedName{Namespace: namespace, Name: name})
		if done == nil {
			return err
		}
		<-done
	}
}

func (c *cluster) passes(n int) {
	c.t.Helper()
	for range n {
		c.pass()
	}
}

// act is the part of the ReplicaSet and Deployment controllers and of kubelets.
func (c *cluster) act() {
	ctx := c.t.Context()
	var sets appsv1.ReplicaSetList
	c.must(c.api.List(ctx, &sets, client.HasLabels{v1alpha1.RunLabel}))
	var pods corev1.PodList
	c.must(c.api.List(ctx, &pods, client.HasLabels{v1alpha1.RunLabel}))
	for i := range pods.Items { // the part of the garbage collector, and of a ReplicaSet that is to have none
		wanted := slices.ContainsFunc(sets.Items, func(rs appsv1.ReplicaSet) bool {
			return metav1.IsControlledBy(&pods.Items[i], &rs) && *rs.Spec.Replicas > 0
		})
		owner := metav1.GetControllerOf(&pods.Items[i])
		if len(sets.Items) == 0 || !wanted && owner != nil && owner.Kind == "ReplicaSet" {
			c.must(client.IgnoreNotFound(c.api.Delete(ctx, &pods.Items[i])))
		}
	}
	for _, rs := range sets.Items {
		has := slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return metav1.IsControlledBy(&p, &rs) })
		if !has && rs.DeletionTimestamp == nil && *rs.Spec.Replicas > 0 {
			pod := canaryPod(&rs, !c.sick)
			if c.admit != nil {
				_ = c.admit(pod) // what is refused is refused to others
			}
			c.must(c.api.Create(ctx, pod))
		}
	}
	d := c.deployment()
	if image(d) == "v2" {
		if err := c.api.Create(ctx, ownReplicaSet(d, "web-2", "2")); err == nil {
			old := &appsv1.ReplicaSet{}
			c.must(c.api.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "web-1"}, old))
			c.must(c.api.Delete(ctx, old))
		}
	}
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) deployment() *appsv1.Deployment {
	c.t.Helper()
	return c.readDeployment(c.t.Context())
}

func (c *cluster) readDeployment(ctx context.Context) *appsv1.Deployment {
	c.t.Helper()
	d := &appsv1.Deployment{}
	c.must(c.api.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "web"}, d))
	return d
}

func (c *cluster) annotateDeployment(annotations map[string]string) {
	c.t.Helper()
	d := c.deployment()
	for k, v := range annotations {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, k, v)
		if v == "" {
			delete(d.Annotations, k)
		}
	}
	c.must(c.api.Update(c.t.Context(), d))
}

func (c *cluster) runs() []v1alpha1.CanaryRun {
	c.t.Helper()
	var list v1alpha1.CanaryRunList
	c.must(c.api.List(c.t.Context(), &list))
	return list.Items
}

func (c *cluster) canaries() int {
	c.t.Helper()
	var sets appsv1.ReplicaSetList
	c.must(c.api.List(c.t.Context(), &sets, client.HasLabels{v1alpha1.RunLabel}))
	return len(sets.Items)
}

func (c *cluster) run() v1alpha1.CanaryRun {
	c.t.Helper()
	runs := c.runs()
	if len(runs) != 1 {
		c.t.Fatalf("%d runs, want one", len(runs))
	}
	return runs[0]
}

// hold is what the webhook does with the update to an image.
func (c *cluster) hold() {
	c.t.Helper()
	c.annotateDeployment(map[string]string{v1alpha1.HeldAnnotation: c.record()})
}

func (c *cluster) record() string {
	c.t.Helper()
	hash := hashOf(c.t, "v2")
	encoded, err := key.Seal(hold.Record{
		ID: holdID, Run: v1alpha1.RunName("web", string(hash), 1), Hash: hash, UID: c.deployment().UID,
		HeldAt: noon, Source: hold.SourceTemplate, Template: template(c.t, "v2"),
	})
	c.must(err)
	return encoded
}

// AnnotatedEventf makes a cluster an event recorder.

func request(namespace, name string) ctrl.Request {
	return ctrl.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: name}}
}
