// Package around looks at what stands beside a Deployment while a canary runs: at Services, and whether the
// ConfigMaps and Secrets are there that its stable template names.
package around

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/runs/byrun"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/listing"
	"holdfast.dev/holdfast/internal/surround"
)

// Of ConfigMaps and Secrets it is only asked whether they are there, by name, for metadata.
// Secrets are asked about where an administrator lets Holdfast (docs/how-to/shapes.md).
// +kubebuilder:rbac:groups=core,resources=configmaps,verbs=get

const (
	// servicesKept is for how long what a namespace has of Services serves all its runs.
	servicesKept = 10 * time.Second
	// mayNotKept is for how long a kind is not asked about that Holdfast may not read.
	mayNotKept = 10 * time.Minute
	// maxNeeds is about how many objects that a template names it is asked.
	maxNeeds = 50
	// maxServices is how much is kept of the Services of a namespace, and maxTemplate of a template, in
	// bytes. What is larger is none, and read anew.
	maxServices = 256 << 10
	maxTemplate = 8 << 10
)

// Looks are what was last seen beside the Deployments of runs that are under way, and for how
// long it is good. Nothing of it outlives the program: it is looked at anew.
type Looks struct {
	Objects *objects.Reader

	seen byrun.Memory[sighting]

	mu       sync.Mutex
	services map[string]seenServices
	mayNot   map[string]time.Time // kinds by namespace, and until when they are not asked about
}

type sighting struct {
	at    time.Time
	found lifecycle.Around
	// stable is the hash of the template that was stable, and template what is known of it.
	stable   hold.Hash
	template surround.PodTemplate
}

type seenServices struct {
	at  time.Time
	all []surround.Service
	// tooMany says that none is known for there are too many to be kept.
	tooMany bool
}

// StableLabels are the labels of the pods of the stable template with this hash, if it was looked at beside a
// run.
func (l *Looks) StableLabels(run types.NamespacedName, stable hold.Hash) (labels map[string]string, known bool) {
	last, _ := l.seen.Get(run)
	return last.template.Labels, stable != "" && last.stable == stable
}

// Forget forgets a run that is over.
func (l *Looks) Forget(run types.NamespacedName) { l.seen.Forget(run) }

// Site is a run beside whose Deployment is looked.
type Site struct {
	Snapshot   lifecycle.Snapshot
	Deployment objects.Deployment
	// Held is what its record says, nil without one.
	Held *hold.Outline
	// Stable reads the template that the Deployment runs, Record what is held.
	Stable func(context.Context) (hold.Template, error)
	Record func() (*hold.Record, error)
}

func (of Site) name() types.NamespacedName {
	return types.NamespacedName{Namespace: of.Snapshot.Run.Namespace, Name: of.Snapshot.Run.Name}
}

// Gather looks at what stands beside the Deployment, or remembers what was seen.
func (l *Looks) Gather(ctx context.Context, of Site) (lifecycle.Around, error) {
	if !lifecycle.NeedsAround(of.Snapshot) || of.Held == nil {
		l.Forget(of.name())
		return lifecycle.Around{}, nil
	}
	last, _ := l.seen.Get(of.name())
	if !last.at.IsZero() && of.Snapshot.Now.Before(last.at.Add(lifecycle.AroundPace(of.Snapshot))) {
		last.found.Now = last.at.Equal(of.Snapshot.Now)
		return last.found, nil
	}
	return l.look(ctx, of, last, servicesKept)
}

// Now looks, whatever is remembered.
func (l *Looks) Now(ctx context.Context, of Site) (lifecycle.Around, error) {
	last, _ := l.seen.Get(of.name())
	return l.look(ctx, of, last, 0)
}

// look reads the Services of the namespace, which may be known since so long, and asks whether what
// the stable template names is there.
func (l *Looks) look(ctx context.Context, of Site, last sighting, known time.Duration) (lifecycle.Around, error) {
	now := sighting{at: of.Snapshot.Now, stable: of.Deployment.Hash(), template: last.template}
	if now.stable != last.stable || last.at.IsZero() {
		stable, err := of.Stable(ctx)
		if err != nil {
			return last.found, err
		}
		now.template = surround.Read(stable)
	}
	services, err := l.servicesIn(ctx, of.name().Namespace, of.Snapshot.Now, known)
	if err != nil {
		return last.found, err
	}
	record, err := of.Record()
	if err != nil {
		return last.found, err
	}
	now.found = lifecycle.Around{Known: true, Now: true, Left: surround.Left(services.all, now.template, surround.Read(record.Template), record.HeldAt)}
	if now.found.Gone, err = l.gone(ctx, of.name().Namespace, now.template.Needs, of.Snapshot.Now); err != nil {
		return last.found, err
	}
	if now.template.Size() > maxTemplate {
		now.stable, now.template = "", surround.PodTemplate{}
	}
	l.seen.Keep(of.name(), now)
	return now.found, nil
}

// ServiceFor is the name of the first Service, in order of names, that selects the pods of a ReplicaSet; ""
// if none does. Services are read for that, unless they were since a time; what is read serves all runs of
// the namespace.
func (l *Looks) ServiceFor(ctx context.Context, replicaSet *unstructured.Unstructured, now, since time.Time) (string, error) {
	services, err := l.servicesIn(ctx, replicaSet.GetNamespace(), now, now.Sub(since))
	if err != nil {
		return "", err
	}
	if services.tooMany {
		return l.Objects.ServiceFor(ctx, replicaSet)
	}
	pods, _, err := unstructured.NestedStringMap(replicaSet.Object, "spec", "template", "metadata", "labels")
	if err != nil {
		return "", nil //nolint:nilerr // labels that are no strings are selected by nothing; the API server refuses them
	}
	first := ""
	for _, s := range services.all {
		if len(s.Selector) > 0 && labels.SelectorFromSet(s.Selector).Matches(labels.Set(pods)) && (first == "" || s.Name < first) {
			first = s.Name
		}
	}
	return first, nil
}

// servicesIn are the Services of a namespace. Where they are too many to be read none is known.
func (l *Looks) servicesIn(ctx context.Context, namespace string, now time.Time, known time.Duration) (seenServices, error) {
	l.mu.Lock()
	kept, was := l.services[namespace]
	l.mu.Unlock()
	if was && now.Before(kept.at.Add(known)) {
		return kept, nil
	}
	var all []surround.Service
	size := 0
	err := l.Objects.Live.Each(ctx, listing.Query{Kind: corev1.SchemeGroupVersion.WithKind("Service"), Namespace: namespace}, func(object []byte) error {
		service, err := listing.Decode[corev1.Service](object)
		if err == nil && len(service.Spec.Selector) > 0 {
			all = append(all, surround.View(service))
			if size += all[len(all)-1].Size(); size > maxServices {
				return listing.ErrTooMuch
			}
		}
		return err
	})
	tooMany := errors.Is(err, listing.ErrTooMuch)
	if tooMany {
		all, err = nil, nil
	}
	if err != nil {
		return seenServices{}, fmt.Errorf("list Services: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := map[string]seenServices{namespace: {now, all, tooMany}}
	for other, seen := range l.services {
		if other != namespace && now.Before(seen.at.Add(servicesKept)) {
			fresh[other] = seen
		}
	}
	l.services = fresh
	return fresh[namespace], nil
}

// gone are those of some objects that are not there, as far as Holdfast may know.
func (l *Looks) gone(ctx context.Context, namespace string, needs []surround.Reference, now time.Time) ([]surround.Reference, error) {
	var out []surround.Reference
	for _, need := range needs[:min(len(needs), maxNeeds)] {
		kind := namespace + "/" + need.Kind
		if !l.mayAsk(kind, now) {
			continue
		}
		o := &metav1.PartialObjectMetadata{}
		o.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(need.Kind))
		err := l.Objects.Live.Get(ctx, types.NamespacedName{Namespace: namespace, Name: need.Name}, o)
		switch {
		case apierrors.IsNotFound(err):
			out = append(out, need)
		case apierrors.IsForbidden(err):
			l.askNoMore(kind, now)
		case err != nil:
			return nil, fmt.Errorf("look for %s %q: %w", need.Kind, need.Name, err)
		}
	}
	return out, nil
}

func (l *Looks) mayAsk(kind string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !now.Before(l.mayNot[kind])
}

func (l *Looks) askNoMore(kind string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mayNot == nil {
		l.mayNot = map[string]time.Time{}
	}
	maps.DeleteFunc(l.mayNot, func(_ string, until time.Time) bool { return !now.Before(until) })
	l.mayNot[kind] = now.Add(mayNotKept)
}
