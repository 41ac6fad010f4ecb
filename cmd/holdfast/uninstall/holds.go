package uninstall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ended are the annotations that mean something only while Holdfast runs: it
// would take what it finds under them, installed again, for the state of today.
// The memory of rejected templates and of skips stays true.
var ended = []string{v1alpha1.HeldAnnotation, v1alpha1.FailedAnnotation, v1alpha1.StableAnnotation, v1alpha1.ReleaseAnnotation, v1alpha1.RestartedAnnotation}

// page is how many objects are read at once: each may be as large as the API server
// takes it, and what is made of a megabyte of JSON takes several.
const page = 20

// endHolds takes what is held off all Deployments, and tells of it.
func (e *ending) endHolds(ctx context.Context) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DeploymentList"})
	count := 0
	var problems []error
	for {
		if err := e.List(ctx, list, client.Limit(page), client.Continue(list.Continue)); err != nil {
			return fmt.Errorf("list Deployments: %w", err)
		}
		for i := range list.Items {
			was, err := e.endHold(ctx, &list.Items[i])
			problems = append(problems, err)
			if was {
				count++
			}
		}
		if list.Continue == "" {
			break
		}
	}
	fmt.Fprintf(e.out, "%d held updates were not released\n", count)
	return errors.Join(problems...)
}

// endHold takes what is held off a Deployment, and says whether something was.
func (e *ending) endHold(ctx context.Context, d *metav1.PartialObjectMetadata) (bool, error) {
	off := map[string]any{}
	for _, key := range ended {
		if _, ok := d.Annotations[key]; ok {
			off[key] = nil
		}
	}
	if len(off) == 0 {
		return false, nil
	}
	record := d.Annotations[v1alpha1.HeldAnnotation]
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": off}})
	if err != nil {
		return false, err
	}
	if err := e.patch(ctx, d, string(patch)); client.IgnoreNotFound(err) != nil {
		if record != "" {
			return false, fmt.Errorf("the update of Deployment %s/%s is held still: %w", d.Namespace, d.Name, err)
		}
		return false, fmt.Errorf("take what Holdfast remembers off Deployment %s/%s: %w", d.Namespace, d.Name, err)
	}
	if record == "" {
		return false, nil
	}
	note := describe(record)
	fmt.Fprintf(e.out, "Deployment %s/%s: %s\n", d.Namespace, d.Name, note)
	err = e.Create(ctx, e.event(d, note))
	gone := apierrors.IsNotFound(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause)
	if err != nil && !gone {
		return true, fmt.Errorf("tell of the hold of Deployment %s/%s: %w", d.Namespace, d.Name, err)
	}
	return true, nil
}

// describe says what a record, whose seal nobody checks here, says of itself.
func describe(record string) string {
	var held struct {
		Hash   string    `json:"hash"`
		User   string    `json:"user"`
		HeldAt time.Time `json:"heldAt"`
	}
	what := "the update held"
	if json.Unmarshal([]byte(record), &held) == nil && held.Hash != "" {
		what = fmt.Sprintf("the update held since %s (template %.16q, user %.128q)", held.HeldAt.UTC().Format(time.RFC3339), held.Hash, held.User)
	}
	return what + " was not released, because Holdfast is uninstalled: the stable template stays; apply it again to roll it out"
}

func (e *ending) event(d *metav1.PartialObjectMetadata, note string) *eventsv1.Event {
	return &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, GenerateName: "holdfast-uninstall-"},
		EventTime:  metav1.NewMicroTime(e.now()),
		Type:       corev1.EventTypeWarning, Reason: "HoldDropped", Action: "Uninstall", Note: note,
		ReportingController: "holdfast", ReportingInstance: "holdfast-uninstall",
		Regarding: corev1.ObjectReference{
			APIVersion: "apps/v1", Kind: "Deployment", Namespace: d.Namespace, Name: d.Name, UID: d.UID, ResourceVersion: d.ResourceVersion,
		},
	}
}
