package evaluatortest

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// act is the part of the ReplicaSet and Deployment controllers and of kubelets.
func (c *Cluster) act() {
	var sets appsv1.ReplicaSetList
	c.Must(c.API.List(c.T.Context(), &sets, client.HasLabels{v1alpha1.RunLabel}))
	var pods corev1.PodList
	c.Must(c.API.List(c.T.Context(), &pods, client.HasLabels{v1alpha1.RunLabel}))
	c.removePods(sets.Items, pods.Items)
	c.makePods(sets.Items, pods.Items)
	c.rollOut()
}

// removePods is the part of the garbage collector, and of a ReplicaSet that is to have none.
func (c *Cluster) removePods(sets []appsv1.ReplicaSet, pods []corev1.Pod) {
	for i := range pods {
		wanted := slices.ContainsFunc(sets, func(rs appsv1.ReplicaSet) bool {
			return metav1.IsControlledBy(&pods[i], &rs) && *rs.Spec.Replicas > 0
		})
		owner := metav1.GetControllerOf(&pods[i])
		if len(sets) == 0 || !wanted && owner != nil && owner.Kind == "ReplicaSet" {
			c.Must(client.IgnoreNotFound(c.API.Delete(c.T.Context(), &pods[i])))
		}
	}
}

// makePods gives each ReplicaSet that is to have pods one, of however many.
func (c *Cluster) makePods(sets []appsv1.ReplicaSet, pods []corev1.Pod) {
	for _, rs := range sets {
		has := slices.ContainsFunc(pods, func(p corev1.Pod) bool { return metav1.IsControlledBy(&p, &rs) })
		if has || rs.DeletionTimestamp != nil || *rs.Spec.Replicas == 0 {
			continue
		}
		pod := CanaryPod(&rs, !c.Sick)
		if c.Admit != nil {
			_ = c.Admit(pod) // what is refused is refused to others
		}
		c.Must(c.API.Create(c.T.Context(), pod))
	}
}

// rollOut has the Deployment run its pods by another ReplicaSet once its image is another.
func (c *Cluster) rollOut() {
	d := c.Deployment()
	if Image(d) != "v2" || c.API.Create(c.T.Context(), OwnReplicaSet(d, "web-2", "2")) != nil {
		return
	}
	old := &appsv1.ReplicaSet{}
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "web-1"}, old))
	c.Must(c.API.Delete(c.T.Context(), old))
}
