package protect

import (
	"context"
	"crypto/sha256"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/plan"
	"holdfast.dev/holdfast/internal/respite"
	"holdfast.dev/holdfast/internal/workload"
)

// Options are what the controller works with.
type Options struct {
	// Cached has the Deployments and namespaces that are watched, the former with Holdfast's annotations.
	Cached client.Reader
	// Live is the API server itself.
	Live listing.Lister
	// Writer writes.
	Writer finalizer.Patcher
	// Recorder takes events.
	Recorder events.EventRecorder
	// Plans are those of the Deployments of a namespace as they are now; the built-in one where nothing guards
	// one.
	Plans func(namespace string) PlanFunc
	// Leadership says when this replica looks after ConfigMaps.
	Leadership *leadership.Elector
	// Clock tells the time.
	Clock clock.PassiveClock
	// Controller are the settings of the controller.
	Controller controller.Options
}

// PlanFunc is the plan of each Deployment of a namespace.
type PlanFunc func(ctx context.Context, deployment *unstructured.Unstructured) (plan.Resolved, error)

type digest [sha256.Size]byte

// maxTold is of how much it is remembered that people were told of it, in a namespace.
const maxTold = 1000

// protector looks after the ConfigMaps of all namespaces.
type protector struct {
	Options

	wake func(namespace string)

	mu sync.Mutex
	// known are the namespaces that have protected ConfigMaps, as far as was seen in this term.
	known map[string]bool
	// told are digests of what people were told, by namespace.
	told map[string]map[digest]bool
	// respites are those of namespaces whose Deployments are very many.
	respites map[string]respite.Respite
	// right is whether Holdfast may change ConfigMaps.
	right *finalizer.Right
}

func newProtector(o Options) *protector {
	p := &protector{Options: o, wake: func(string) {}}
	p.beginTerm()
	return p
}

// beginTerm forgets what was seen in the last one.
func (p *protector) beginTerm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.told, p.respites = map[string]bool{}, map[string]map[digest]bool{}, map[string]respite.Respite{}
	p.right = &finalizer.Right{Writer: p.Writer, Now: p.Clock.Now}
}

func (p *protector) isKnown(namespace string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[namespace]
}

// may says whether Holdfast may change ConfigMaps.
func (p *protector) may(ctx context.Context) (bool, error) {
	p.mu.Lock()
	right := p.right
	p.mu.Unlock()
	return right.May(ctx)
}

// note notes whether a namespace has protected ConfigMaps.
func (p *protector) note(namespace string, has bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if has {
		p.known[namespace] = true
	} else {
		delete(p.known, namespace)
	}
}

// first says whether people have not been told of something yet. A new leader tells them once more.
func (p *protector) first(namespace, what string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if told := p.told[namespace]; told == nil || len(told) >= maxTold {
		p.told[namespace] = map[digest]bool{}
	}
	key := digest(sha256.Sum256([]byte(what)))
	was := p.told[namespace][key]
	p.told[namespace][key] = true
	return !was
}

// forgetTold has people told anew of what comes next in a namespace.
func (p *protector) forgetTold(namespace string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.told, namespace)
}

// concerns says whether ConfigMaps may have to be kept for a Deployment: an update of it is held, or was
// rejected.
func concerns(d client.Object) bool {
	if u, ok := d.(*unstructured.Unstructured); ok { // there may be very many, and GetAnnotations copies
		as := workload.Deployment{Object: u.Object}
		return as.Annotation(v1alpha1.HeldAnnotation) != "" || as.Annotation(v1alpha1.FailedAnnotation) != ""
	}
	a := d.GetAnnotations()
	return a[v1alpha1.HeldAnnotation] != "" || a[v1alpha1.FailedAnnotation] != ""
}

func namespaceKind() *metav1.PartialObjectMetadata {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	return ns
}

func request(namespace string) ctrl.Request {
	return ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: namespace}}
}
