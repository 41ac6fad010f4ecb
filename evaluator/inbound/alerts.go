package inbound

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// Judge has firing alerts fail the canaries that they are about. What it finds it writes into the status of
// the run, whichever replica it is part of: the evaluator judges by that, and it is there still when the
// evaluator is another one.
type Judge struct {
	// Cached has the runs, Live reads one as it is now.
	Cached, Live client.Reader
	Writer       client.StatusClient
	// Labels are those by which alerts name a pod, for the endpoint that a plan of a namespace names.
	Labels  func(namespace, endpoint string) (query.Labels, error)
	Clock   clock.PassiveClock
	Metrics *Metrics
}

// take has the alerts of a group that fire fail whom they are about. Its error is for what could not be
// written, and Alertmanager sends the group once more.
func (j *Judge) take(ctx context.Context, g group) error {
	firing := g.firing()
	if len(firing) == 0 {
		return nil
	}
	var runs v1alpha1.CanaryRunList
	if err := j.Cached.List(ctx, &runs, client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list runs: %w", err)
	}
	for i := range runs.Items {
		w, isTried := j.watch(&runs.Items[i])
		if !isTried {
			continue
		}
		about := slices.IndexFunc(firing, w.fails)
		if about < 0 {
			continue
		}
		if err := j.fail(ctx, client.ObjectKeyFromObject(&runs.Items[i]), firing[about]); err != nil {
			return err
		}
	}
	return nil
}

// watch is a run as alerts are matched with it, and whether one can fail it.
func (j *Judge) watch(run *v1alpha1.CanaryRun) (watched, bool) {
	in := lifecycle.Snapshot{Run: lifecycle.Run{Namespace: run.Namespace, Name: run.Name, Spec: run.Spec, Status: run.Status}}
	if !isTried(run) {
		return watched{}, false
	}
	analysis := lifecycle.AnalysisOf(in)
	labels, err := j.Labels(run.Namespace, analysis.Endpoint)
	if err != nil { // it is judged by no endpoint, and by those labels that are usual
		labels = query.Labels{}
	}
	return watch(run, analysis.Metrics, labels), true
}

// tries is how often a run is read anew that somebody else writes at the same time.
const tries = 5

// fail notes in the status of a run that an alert fires about it. Where one is noted already, that stands.
func (j *Judge) fail(ctx context.Context, name types.NamespacedName, a alert) error {
	var err error
	for range tries {
		run := &v1alpha1.CanaryRun{}
		if err = j.Live.Get(ctx, name, run); err != nil {
			return client.IgnoreNotFound(err)
		}
		if w, isTried := j.watch(run); !isTried || run.Status.Alert != nil || !w.fails(a) {
			return nil
		}
		if err = j.note(ctx, run, a); !apierrors.IsConflict(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("note the alert at run %q: %w", name, err)
	}
	j.Metrics.failed.Inc()
	ctrl.LoggerFrom(ctx).Info("an alert fails a canary", "alert", a.name(), "namespace", name.Namespace, "run", name.Name)
	return nil
}

func (j *Judge) note(ctx context.Context, run *v1alpha1.CanaryRun, a alert) error {
	received := v1alpha1.ReceivedAlert{
		Name: plaintext.Line(a.name(), maxName), ReceivedAt: metav1.NewTime(j.Clock.Now()), Message: a.text(),
	}
	if !a.StartsAt.IsZero() {
		received.StartsAt = &metav1.Time{Time: a.StartsAt}
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": run.ResourceVersion, "uid": run.UID},
		"status":   map[string]any{"alert": received},
	})
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return j.Writer.Status().Patch(ctx, run, client.RawPatch(types.MergePatchType, patch)) //nolint:wrapcheck // the caller asks whether it is a conflict
}

// How much of an alert is shown, in bytes.
const (
	maxName = 200
	maxText = 1 << 10
)

// text says for people what an alert is about: by the annotations that rules usually have.
func (a alert) text() string {
	text := fmt.Sprintf("alert %s fires", a.name())
	for _, key := range []string{"summary", "description", "message"} {
		if said := strings.TrimSpace(a.Annotations[key]); said != "" {
			text += ": " + said
			break
		}
	}
	return plaintext.Line(text, maxText)
}
