package person

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/difference"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/page/view"
)

// MinReady is how long the pods of a run must be Ready to count as available; 0 where its Deployment cannot
// be read.
func (p *Person) MinReady(ctx context.Context, run *v1alpha1.CanaryRun) time.Duration {
	object, err := p.objects.Resource(deployments).Namespace(run.Namespace).Get(ctx, run.Spec.Deployment, metav1.GetOptions{})
	if err != nil {
		return 0
	}
	seconds, _, _ := unstructured.NestedInt64(object.Object, "spec", "minReadySeconds")
	return time.Duration(seconds) * time.Second
}

// Difference is what a run tries against the stable template, as diff -u writes it; "" where its update is
// held no longer, and for a run by hand that has the template of its Deployment.
func (p *Person) Difference(ctx context.Context, run *v1alpha1.CanaryRun) (string, error) {
	object, err := p.objects.Resource(deployments).Namespace(run.Namespace).Get(ctx, run.Spec.Deployment, metav1.GetOptions{})
	if err != nil {
		return "", err //nolint:wrapcheck // callers ask what kind of error it is
	}
	stable, _, err := unstructured.NestedMap(object.Object, "spec", "template")
	if err != nil {
		return "", fmt.Errorf("read the stable template: %w", err)
	}
	from, to, there := sidesOf(run, object, stable)
	if !there {
		return "", nil
	}
	text, err := difference.Unified(from, to)
	if err != nil {
		return "", fmt.Errorf("tell the templates apart: %w", err)
	}
	return text, nil
}

func sidesOf(run *v1alpha1.CanaryRun, object *unstructured.Unstructured, stable hold.Template) (from, to difference.Side, there bool) {
	stableSide := difference.Side{Name: "stable template", Template: stable}
	if run.Spec.Template != nil {
		var template hold.Template
		err := json.Unmarshal(run.Spec.Template.Raw, &template)
		return stableSide, difference.Side{Name: "template of the run", Template: template}, err == nil
	}
	if len(run.Spec.Containers) > 0 {
		return stableSide, difference.Side{Name: "template of the run", Template: withImages(stable, run.Spec.Containers)}, true
	}
	record, err := hold.Peek(object.GetAnnotations()[v1alpha1.HeldAnnotation])
	if err != nil || record.Run != run.Name {
		return from, to, false
	}
	from, to = difference.OfRecord(object.GetAnnotations(), stable, record)
	return from, to, true
}

// withImages is a template with the images that a run tries in it.
func withImages(stable hold.Template, images []v1alpha1.ContainerImage) hold.Template {
	template := runtime.DeepCopyJSON(stable)
	spec, _ := template["spec"].(map[string]any)
	containers, _ := spec["containers"].([]any)
	for _, c := range containers {
		container, _ := c.(map[string]any)
		for _, image := range images {
			if container != nil && container["name"] == image.Name {
				container["image"] = image.Image
			}
		}
	}
	return template
}

// mostEvents is how many events of a run are shown, the newest.
const mostEvents = 100

// Events are those about a run and, from its beginning to its end, those about its Deployment; the newest
// first.
func (p *Person) Events(ctx context.Context, run *v1alpha1.CanaryRun) ([]view.Event, error) {
	var out []view.Event
	for kind, name := range map[string]string{"CanaryRun": run.Name, "Deployment": run.Spec.Deployment} {
		about := fields.Set{"involvedObject.kind": kind, "involvedObject.name": name}
		list, err := p.objects.Resource(events).Namespace(run.Namespace).List(ctx, metav1.ListOptions{FieldSelector: about.String(), Limit: 5 * mostEvents})
		if err != nil {
			return nil, err //nolint:wrapcheck // callers ask what kind of error it is
		}
		for i := range list.Items {
			var e corev1.Event
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &e); err != nil {
				continue // of no shape that is known
			}
			if seen := seenOf(&e); belongs(run, &e, seen.At) {
				out = append(out, view.EventOf(seen))
			}
		}
	}
	slices.SortStableFunc(out, func(a, b view.Event) int {
		return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Says, b.Says))
	})
	out = slices.CompactFunc(out, func(a, b view.Event) bool { // one of the run, and the same of its Deployment
		return a.Reason == b.Reason && a.Says == b.Says && a.At-b.At < 2000
	})
	return out[:min(len(out), mostEvents)], nil
}

// around is how long before a run and after its end events of its Deployment are told with it.
const around = 5 * time.Second

func belongs(run *v1alpha1.CanaryRun, e *corev1.Event, at int64) bool {
	if e.InvolvedObject.Kind == "CanaryRun" {
		return e.InvolvedObject.UID == "" || e.InvolvedObject.UID == run.UID
	}
	if at < run.CreationTimestamp.Add(-around).UnixMilli() {
		return false
	}
	return run.Status.FinishedAt == nil || at <= run.Status.FinishedAt.Add(around).UnixMilli()
}

func seenOf(e *corev1.Event) view.StoredEvent {
	at, count := e.LastTimestamp.Time, e.Count
	if s := e.Series; s != nil {
		at, count = s.LastObservedTime.Time, s.Count
	}
	for _, other := range []time.Time{e.EventTime.Time, e.FirstTimestamp.Time, e.CreationTimestamp.Time} {
		if at.IsZero() {
			at = other
		}
	}
	return view.StoredEvent{At: at.UnixMilli(), Type: e.Type, Reason: e.Reason, Message: e.Message, Count: count}
}
