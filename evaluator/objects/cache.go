package objects

import (
	"context"
	"errors"
	"net/http"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/canary"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/probe/inject"
)

// CacheOptions keep in memory what the evaluator reads and no more, in a cluster of
// many Deployments whose owners write into them what they like: of each the hash of
// its pod template instead of the template, of annotations Holdfast's, of pods and
// ReplicaSets only those of canaries, with a print of what they run, of plans the
// names, of anything no managedFields. Where even that is large it is read from the API server when it is
// needed (see notKept). A held record is kept if it is sealed with the key.
//
// Deployments must be read as unstructured objects. Their templates are hashed
// from the JSON that the API server sends, so fields newer than this program's
// types count.
func CacheOptions(key hold.Key) cache.Options {
	return cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Pod{}:         {Label: exists(v1alpha1.RoleLabel), Transform: trimPod},
			&appsv1.ReplicaSet{}:  {Label: exists(v1alpha1.RunLabel), Transform: trimReplicaSet},
			&v1alpha1.CanaryRun{}: {Transform: trimRun},
			NewDeployment():       {Transform: trimDeployment(key)},
			NewNamespace():        {Transform: trimNamespace},
			NewPlan():             {Transform: trimToName},
		},
	}
}

// CachesSynced is a readiness check: what the evaluator watches has been read once.
func CachesSynced(mgr ctrl.Manager) healthz.Checker {
	return func(r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if !mgr.GetCache().WaitForCacheSync(ctx) {
			return errors.New("caches are not synced yet")
		}
		return nil
	}
}

func exists(label string) labels.Selector {
	requirement, err := labels.NewRequirement(label, selection.Exists, nil)
	if err != nil {
		panic(err) // the labels are constants
	}
	return labels.NewSelector().Add(*requirement)
}

func trimPod(object any) (any, error) {
	if pod, ok := object.(*corev1.Pod); ok {
		kept := map[string]string{printAnnotation: string(PrintOfPod(pod))}
		if mesh := MeshOfPod(pod); mesh != "" {
			kept[meshAnnotation] = mesh
		}
		pod.Annotations, pod.Spec = kept, corev1.PodSpec{}
		trimMetadata(pod, labelsOrMark)
		trimPodStatus(&pod.Status)
	}
	return object, nil
}

func trimReplicaSet(object any) (any, error) {
	if rs, ok := object.(*appsv1.ReplicaSet); ok {
		print := PrintOfSet(rs)
		trimMetadata(rs, only(v1alpha1.RunLabel, v1alpha1.RoleLabel, v1alpha1.HashLabel))
		rs.Annotations = nil
		rs.Spec = appsv1.ReplicaSetSpec{Replicas: rs.Spec.Replicas}
		rs.Spec.Template.Annotations = map[string]string{printAnnotation: string(print)}
		rs.Status.Conditions = trimConditions(rs.Status.Conditions, func(c *appsv1.ReplicaSetCondition) (bool, *string) {
			return c.Type == appsv1.ReplicaSetReplicaFailure, &c.Message
		})
	}
	return object, nil
}

// trimRun leaves out the template of a run made by hand, which is read when its
// canary is made, and of one that has ended what it was judged by.
func trimRun(object any) (any, error) {
	run, ok := object.(*v1alpha1.CanaryRun)
	if !ok {
		return object, nil
	}
	trimMetadata(run, only(v1alpha1.DeploymentLabel, v1alpha1.HashLabel))
	run.Annotations = pick(run.Annotations, v1alpha1.StableAnnotation)
	if run.Spec.Template != nil {
		run.Spec.Template = &runtime.RawExtension{}
	}
	if run.Status.Phase.Ended() {
		run.Spec.Plan, run.Status.Plan = trimPlan(run.Spec.Plan, run.Status), trimPlan(run.Status.Plan, run.Status)
		run.Spec.Policies, run.Spec.Containers, run.Status.Metrics = nil, nil, nil
	}
	return run, nil
}

// trimPlan leaves of a plan that there is one, and by what the canary's requests came: its pods wait for the
// drain time after the end, and its Services go after them; and the hooks that were not told of the end yet.
func trimPlan(plan *v1alpha1.CanaryPlanSpec, status v1alpha1.CanaryRunStatus) *v1alpha1.CanaryPlanSpec {
	if plan == nil {
		return nil
	}
	out := &v1alpha1.CanaryPlanSpec{Traffic: plan.Traffic}
	for _, h := range plan.HooksOf(v1alpha1.HookPostRollout) {
		if status.Hook(h.Name).Answer == "" {
			out.Hooks = append(out.Hooks, h)
		}
	}
	return out
}

// trimNamespace leaves all labels, for policies select by any of them.
func trimNamespace(object any) (any, error) {
	if ns, ok := object.(*metav1.PartialObjectMetadata); ok {
		trimMetadata(ns, func(labels map[string]string) map[string]string { return labels })
		ns.Annotations = pick(ns.Annotations, v1alpha1.CanaryAnnotation, v1alpha1.PlanAnnotation, v1alpha1.PoliciesAnnotation, v1alpha1.StampedAnnotation,
			v1alpha1.KillAnnotation, v1alpha1.ProbeAnnotation, inject.LinkerdAnnotation)
	}
	return object, nil
}

// printAnnotation is where the cache keeps the print of a spec that it does not keep.
const printAnnotation = v1alpha1.Prefix + "print"

// PrintOfPod is the print of what a pod runs, as the API server or as the cache has it.
func PrintOfPod(pod *corev1.Pod) canary.Print {
	if len(pod.Spec.Containers) == 0 {
		return canary.Print(pod.Annotations[printAnnotation])
	}
	return canary.PodPrint(pod)
}

// meshAnnotation is where the cache keeps what MeshOfPod says.
const meshAnnotation = v1alpha1.Prefix + "mesh"

// MeshOfPod says what in a pod keeps its requests from being redirected to its probe, as inject.MeshIn does,
// of a pod as the API server or as the cache has it.
func MeshOfPod(pod *corev1.Pod) string {
	if len(pod.Spec.Containers) == 0 {
		return pod.Annotations[meshAnnotation]
	}
	return inject.MeshIn(pod)
}

// PrintOfSet is the print of what a ReplicaSet makes, likewise.
func PrintOfSet(rs *appsv1.ReplicaSet) canary.Print {
	if len(rs.Spec.Template.Spec.Containers) == 0 {
		return canary.Print(rs.Spec.Template.Annotations[printAnnotation])
	}
	return canary.SetPrint(&rs.Spec)
}

// trimToName leaves of an object what tells it from others.
func trimToName(object any) (any, error) {
	if o, ok := object.(*metav1.PartialObjectMetadata); ok {
		o.ObjectMeta = metav1.ObjectMeta{
			Namespace: o.Namespace, Name: o.Name, UID: o.UID, ResourceVersion: o.ResourceVersion, Generation: o.Generation,
		}
	}
	return object, nil
}
