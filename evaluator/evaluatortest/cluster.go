// Package evaluatortest is a cluster in memory with an evaluator, for tests of the packages below evaluator.
package evaluatortest

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

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

// What tests work with: the namespace, its UID, and the ID of the hold.
const (
	Namespace    = "shop"
	NamespaceUID = "uid-of-the-namespace"
	HoldID       = "hold-1"
)

// Key seals held records and stamps.
var Key = hold.Key(strings.Repeat("k", hold.KeySize))

// Cluster is an API server in memory with what else acts in one: a webhook, a
// Deployment controller and kubelets, as far as runs depend on them.
type Cluster struct {
	T          *testing.T
	Evaluator  *evaluator.Evaluator
	API        client.WithWatch
	writer     client.Client // what the evaluator writes by
	registry   *prometheus.Registry
	Endpoints  measure.EndpointFunc
	Clock      *clocktesting.FakePassiveClock
	Prometheus *PrometheusStub

	mu sync.Mutex // of what follows: runs may be worked on at once
	Faults
	Events []string
	// Requests are those of the evaluator to the API server, each a verb and a kind, events among them.
	Requests []string
	// Writes are how many of them wrote; BeforeWrite is called before each, if not nil.
	Writes      int
	BeforeWrite func()
	Created     int // canary ReplicaSets
	Releases    int // by the webhook
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

// NewCluster has a guarded namespace with the Deployment web, rolled out with
// image v1, a CanaryPlan that takes ten seconds, and a Service.
func NewCluster(t *testing.T, objects ...client.Object) *Cluster {
	t.Helper()
	c := &Cluster{T: t, Clock: clocktesting.NewFakePassiveClock(Noon), Prometheus: &PrometheusStub{
		Answer: analysis.Answer{Series: []analysis.Series{{Value: 0}}},
	}}
	c.API = indexed(fake.NewClientBuilder().WithScheme(Scheme())).
		WithStatusSubresource(&v1alpha1.CanaryRun{}, &v1alpha1.CanaryPlan{}).
		WithObjects(append(beginning(t), objects...)...).
		Build()
	c.writer = c.intercepted()
	c.Another(nil)
	return c
}

// beginning is what clusters have when they begin.
func beginning(t *testing.T) []client.Object {
	guarded := map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryEnabled}
	marks := maps.Clone(guarded)
	marks[v1alpha1.StampedAnnotation] = Key.SealStamped(Noon.Format(time.RFC3339), NamespaceUID)
	stable := Web("v1")
	stable.Annotations = map[string]string{v1alpha1.StableAnnotation: Stamp(t, "v1"), workload.RevisionAnnotation: "1"}
	return []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace, UID: NamespaceUID, Annotations: marks, Labels: guarded}},
		stable, OwnReplicaSet(stable, "web-1", "1"), QuickPlan("default"),
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "web"}, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}},
		StablePod(stable, "a"), StablePod(stable, "b"), StablePod(stable, "c"),
	}
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

// Must ends the test with an error.
func (c *Cluster) Must(err error) {
	c.T.Helper()
	if err != nil {
		c.T.Fatal(err)
	}
}
