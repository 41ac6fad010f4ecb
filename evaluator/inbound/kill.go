package inbound

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/workload"
)

// outcome is what became of a pod that an alert names.
type outcome string

// What can become of it. Each is an outcome of the metric holdfast_kills_total.
const (
	// outcomeKilled: it was evicted, and its controller makes another.
	outcomeKilled outcome = "killed"
	// outcomeDryRun: it would have been.
	outcomeDryRun outcome = "dry_run"
	// outcomeGone: there is no such pod, or it is another by now, or it ends already.
	outcomeGone outcome = "gone"
	// outcomeNotOptedIn: its namespace does not ask for it.
	outcomeNotOptedIn outcome = "not_opted_in"
	// outcomeNoController: nothing would make another.
	outcomeNoController outcome = "no_controller"
	// outcomeLimited: of its workload as many were killed as may be in the time.
	outcomeLimited outcome = "limited"
	// outcomeBudget: a PodDisruptionBudget does not allow it at present.
	outcomeBudget outcome = "budget"
	// outcomeForbidden: the API server does not let Holdfast.
	outcomeForbidden outcome = "forbidden"
)

var outcomes = []outcome{
	outcomeKilled, outcomeDryRun, outcomeGone, outcomeNotOptedIn, outcomeNoController, outcomeLimited, outcomeBudget, outcomeForbidden,
}

// KillLimit is how many pods of a workload are killed within a time.
type KillLimit struct {
	Pods int
	Time time.Duration
}

// Killer evicts the pods that firing alerts name, for their controllers to make others, as Canary Keeper did
// with pods that had stopped working.
type Killer struct {
	Client client.Client
	// Live reads pods and their owners as they are now, Cached the metadata of namespaces.
	Live, Cached client.Reader
	// Labels are those by which alerts name a pod.
	Labels query.Labels
	Limit  KillLimit
	// DryRun has nothing be evicted, and told what would be.
	DryRun bool
	// Ledger remembers what was killed, for all replicas.
	Ledger   *Ledger
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Metrics  *Metrics
}

var errBudget = errors.New("a PodDisruptionBudget does not allow the eviction at present")

// take kills the pods of a group, each once. Its error has Alertmanager send the group once more.
func (k *Killer) take(ctx context.Context, g group) error {
	seen := map[types.NamespacedName]bool{}
	var later error
	for _, a := range g.firing() {
		name := types.NamespacedName{Namespace: a.Labels[k.Labels.Namespace], Name: a.Labels[k.Labels.Pod]}
		if name.Namespace == "" || name.Name == "" || seen[name] {
			continue
		}
		seen[name] = true
		if err := k.one(ctx, name, a); err != nil {
			later = errors.Join(later, fmt.Errorf("pod %q: %w", name, err))
		}
	}
	return later
}

// one kills a pod, or finds out why not. Of a namespace that did not opt in nothing is read.
func (k *Killer) one(ctx context.Context, name types.NamespacedName, a alert) error {
	if in, err := k.optedIn(ctx, name.Namespace); err != nil {
		return err
	} else if !in {
		k.Metrics.kills.WithLabelValues(string(outcomeNotOptedIn)).Inc()
		return nil
	}
	pod := &corev1.Pod{}
	if err := k.Live.Get(ctx, name, pod); err != nil {
		if apierrors.IsNotFound(err) {
			k.Metrics.kills.WithLabelValues(string(outcomeGone)).Inc()
			return nil
		}
		return fmt.Errorf("read it: %w", err)
	}
	o, err := k.judge(ctx, pod, a)
	if err != nil && !errors.Is(err, errBudget) {
		return err
	}
	k.Metrics.kills.WithLabelValues(string(o)).Inc()
	k.tell(ctx, pod, a, o)
	return err
}

// optedIn says whether pods of a namespace are to be killed; one that is not there has none.
func (k *Killer) optedIn(ctx context.Context, namespace string) (bool, error) {
	ns := &metav1.PartialObjectMetadata{}
	ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
	if err := k.Cached.Get(ctx, types.NamespacedName{Name: namespace}, ns); err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("read its namespace: %w", err)
	}
	return ns.Annotations[v1alpha1.KillAnnotation] == v1alpha1.KillEnabled, nil
}

// judge finds out whether a pod may be killed, and does it.
func (k *Killer) judge(ctx context.Context, pod *corev1.Pod, a alert) (outcome, error) {
	workloadUID, err := k.workloadOf(ctx, pod)
	if err != nil {
		return "", err
	}
	if o := mayKill(pod, workloadUID, a); o != "" {
		return o, nil
	}
	if k.DryRun {
		return outcomeDryRun, nil
	}
	taken, err := k.Ledger.Take(ctx, workloadUID, pod.UID, k.Limit, k.Clock.Now())
	if err != nil {
		return "", err
	}
	if !taken {
		return outcomeLimited, nil
	}
	return k.evict(ctx, pod)
}

// mayKill says why a pod is not killed that an alert names; "" if it may be. A pod that began after the alert
// did is another one of the same name, as StatefulSets make them: it was not meant.
func mayKill(pod *corev1.Pod, workloadUID types.UID, a alert) outcome {
	switch {
	case pod.DeletionTimestamp != nil, !a.StartsAt.IsZero() && pod.CreationTimestamp.After(a.StartsAt):
		return outcomeGone
	case workloadUID == "":
		return outcomeNoController
	}
	return ""
}

// workloadOf is the UID of what makes a pod anew: its controller, or the Deployment of that. It is "" where
// nothing does; a node makes its static pods, and Holdfast is not to end those.
func (k *Killer) workloadOf(ctx context.Context, pod *corev1.Pod) (types.UID, error) {
	owner := metav1.GetControllerOf(pod)
	if owner == nil || owner.Kind == "Node" {
		return "", nil
	}
	if owner.Kind != workload.ReplicaSetKind.Kind {
		return owner.UID, nil
	}
	rs := &metav1.PartialObjectMetadata{}
	rs.SetGroupVersionKind(workload.ReplicaSetKind)
	if err := k.Live.Get(ctx, types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}, rs); err != nil {
		if apierrors.IsNotFound(err) { // nothing makes another
			return "", nil
		}
		return "", fmt.Errorf("read its ReplicaSet: %w", err)
	}
	if above := metav1.GetControllerOf(rs); above != nil {
		return above.UID, nil
	}
	return rs.UID, nil
}

// evict has a pod end as draining a node would: within the PodDisruptionBudgets that it is in.
func (k *Killer) evict(ctx context.Context, pod *corev1.Pod) (outcome, error) {
	err := k.Client.SubResource("eviction").Create(ctx, pod, &policyv1.Eviction{
		ObjectMeta:    metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
		DeleteOptions: &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}},
	})
	switch {
	case err == nil:
		return outcomeKilled, nil
	case apierrors.IsTooManyRequests(err):
		return outcomeBudget, errBudget
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return outcomeGone, nil
	case apierrors.IsForbidden(err):
		return outcomeForbidden, nil
	}
	return "", fmt.Errorf("evict it: %w", err)
}

// words are what is told of each outcome that somebody has to hear of.
var words = map[outcome]string{
	outcomeKilled:       "is evicted",
	outcomeDryRun:       "would be evicted (--kill=dry-run)",
	outcomeNoController: "is not evicted: no controller would make another",
	outcomeLimited:      "is not evicted: as many pods of its workload were as may be (--kill-limit)",
	outcomeBudget:       "is not evicted yet: a PodDisruptionBudget does not allow it",
	outcomeForbidden:    "cannot be evicted: the API server does not let Holdfast",
}

// tell writes an event on the pod, where somebody has to hear of it.
func (k *Killer) tell(ctx context.Context, pod *corev1.Pod, a alert, o outcome) {
	ctrl.LoggerFrom(ctx).Info("an alert names a pod to be killed", "alert", a.name(), "namespace", pod.Namespace, "pod", pod.Name, "outcome", o)
	what, told := words[o]
	if !told {
		return
	}
	kind, reason := corev1.EventTypeWarning, v1alpha1.EventNotKilled
	if o == outcomeKilled || o == outcomeDryRun {
		kind, reason = corev1.EventTypeNormal, v1alpha1.EventKilled
	}
	k.Recorder.Eventf(pod, nil, kind, reason, "Kill", "pod %s %s, for %s", pod.Name, what, plaintext.Line(a.text(), maxText/2))
}
