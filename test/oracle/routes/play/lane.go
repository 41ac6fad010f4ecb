package play

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/routes/compare"
	"holdfast.dev/holdfast/test/oracle/routes/httproute"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Lane is a pair of namespaces in which one sequence is played after the other. One has the Deployment, whose
// canaries have a share by the route; the other has the route's twin and nothing else.
type Lane struct {
	stage      *Stage
	namespaces compare.Pair[string]
	dir        string
	version    int // of the last update of the Deployment
}

// plan has a step for each share, which ends when it is approved.
const plan = `
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 10m
  traffic: {source: Weighted, drain: 1s}
  steps: [{weight: 20, approval: true}, {weight: 5, approval: true}, {weight: 50, approval: true}]
  analysis: {interval: 1s, period: 1s}
`

// Lane makes a pair of namespaces and waits until one is guarded.
func (s *Stage) Lane(ctx context.Context) (*Lane, error) {
	dir, err := os.MkdirTemp(s.dir, "lane-")
	if err != nil {
		return nil, fmt.Errorf("make folder of lane: %w", err)
	}
	l := &Lane{stage: s, dir: dir}
	for side, annotations := range map[*string]map[string]string{
		&l.namespaces.Twin: nil,
		&l.namespaces.Laid: {v1alpha1.CanaryAnnotation: v1alpha1.CanaryRequired},
	} {
		object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "oracle-routes-", Annotations: annotations}}
		if err := s.client.Create(ctx, object); err != nil {
			return nil, fmt.Errorf("make namespace: %w", err)
		}
		*side = object.Name
	}
	if err := l.awaitGuarded(ctx); err != nil {
		return nil, err
	}
	given := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(plan), &given.Object); err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: manifest.Name},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": manifest.Name},
			Ports:    []corev1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
	for _, object := range []client.Object{given, service} {
		object.SetNamespace(l.namespaces.Laid)
		if err := s.client.Create(ctx, object); err != nil {
			return nil, fmt.Errorf("make what a lane has: %w", err)
		}
	}
	return l, nil
}

// awaitGuarded waits until the API server refuses, in a dry run, what only Holdfast refuses.
func (l *Lane) awaitGuarded(ctx context.Context) error {
	nonsense, err := manifest.Render([]sequence.Word{{Key: "meta-annotation." + v1alpha1.PeriodAnnotation, Value: "soon"}})
	if err != nil {
		return err
	}
	return l.until(ctx, "the namespace is not guarded", func(ctx context.Context) (bool, error) {
		object := &unstructured.Unstructured{Object: nonsense}
		object = object.DeepCopy()
		object.SetNamespace(l.namespaces.Laid)
		err := l.stage.client.Create(ctx, object, client.DryRunAll)
		return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err), nil
	})
}

// errLate is for what did not come in time.
var errLate = errors.New("it did not come in time")

// until asks again until something is so.
func (l *Lane) until(ctx context.Context, not string, is func(context.Context) (bool, error)) error {
	late := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		yes, err := is(ctx)
		if yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-late:
			return fmt.Errorf("%s: %w", not, errLate)
		case <-tick.C:
		}
	}
}

// Close removes both namespaces, also when ctx is over. It does not wait until they are gone.
func (l *Lane) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var problems []error
	for _, name := range []string{l.namespaces.Twin, l.namespaces.Laid} {
		if name != "" {
			problems = append(problems, l.stage.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}))
		}
	}
	return errors.Join(problems...)
}

// clear takes the routes away, and what Helm remembers of them, and lets no run be there.
func (l *Lane) clear(ctx context.Context) error {
	if err := l.end(ctx, "withdraw"); err != nil {
		return err
	}
	for _, namespace := range []string{l.namespaces.Twin, l.namespaces.Laid} {
		err := client.IgnoreNotFound(l.stage.client.Delete(ctx, newRoute(namespace)))
		if err == nil {
			err = l.stage.client.DeleteAllOf(ctx, &corev1.Secret{}, client.InNamespace(namespace), client.MatchingLabels{"owner": "helm"})
		}
		if err != nil {
			return fmt.Errorf("empty namespace %s: %w", namespace, err)
		}
	}
	return l.until(ctx, "the routes are there still", func(ctx context.Context) (bool, error) {
		now, err := l.look(ctx)
		return now.Twin.Object == nil && now.Laid.Object == nil, err
	})
}

func newRoute(namespace string) *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: httpRoutes.Group, Version: httpRoutes.Version, Kind: "HTTPRoute"})
	out.SetNamespace(namespace)
	out.SetName(httproute.Name)
	return out
}

// look reads both routes.
func (l *Lane) look(ctx context.Context) (compare.Pair[compare.View], error) {
	twin, err := l.view(ctx, l.namespaces.Twin)
	if err != nil {
		return compare.Pair[compare.View]{}, err
	}
	laid, err := l.view(ctx, l.namespaces.Laid)
	return compare.Pair[compare.View]{Twin: twin, Laid: laid}, err
}

func (l *Lane) view(ctx context.Context, namespace string) (compare.View, error) {
	out := compare.View{Namespace: namespace}
	object := newRoute(namespace)
	err := l.stage.client.Get(ctx, client.ObjectKeyFromObject(object), object)
	if apierrors.IsNotFound(err) {
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("read route: %w", err)
	}
	return l.viewOf(object), nil
}

func (l *Lane) viewOf(object *unstructured.Unstructured) compare.View {
	out := compare.View{Namespace: object.GetNamespace(), Object: object.DeepCopy().Object}
	delete(out.Object, "status")
	if encoded, has := object.GetAnnotations()[v1alpha1.OverlayAnnotation]; has {
		record, err := route.Open(l.stage.key, encoded, object.GetUID())
		if err != nil {
			out.Broken = err.Error()
		} else {
			out.Record = &record
		}
	}
	return out
}

// settled waits until the gateway has answered for both routes as they are.
func (l *Lane) settled(ctx context.Context) error {
	for _, namespace := range []string{l.namespaces.Twin, l.namespaces.Laid} {
		err := l.until(ctx, "the gateway has not answered", func(ctx context.Context) (bool, error) {
			object := newRoute(namespace)
			err := l.stage.client.Get(ctx, client.ObjectKeyFromObject(object), object)
			return apierrors.IsNotFound(err) || err == nil && answered(object), client.IgnoreNotFound(err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
