package evaluatortest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// AnnotateDeployment sets annotations, and takes off those that are "".
func (c *Cluster) AnnotateDeployment(annotations map[string]string) {
	c.T.Helper()
	d := c.Deployment()
	for k, v := range annotations {
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, k, v)
		if v == "" {
			delete(d.Annotations, k)
		}
	}
	c.Must(c.API.Update(c.T.Context(), d))
}

// ByHand has a user make a run.
func (c *Cluster) ByHand(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.T.Helper()
	run := &v1alpha1.CanaryRun{
		ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(c.Clock.Now())},
		Spec:       v1alpha1.CanaryRunSpec{Deployment: "web", Containers: []v1alpha1.ContainerImage{{Name: "web", Image: "v7"}}},
	}
	edit(&run.Spec)
	c.Must(c.API.Create(c.T.Context(), run))
}

// Edit changes the spec of a run.
func (c *Cluster) Edit(name string, edit func(*v1alpha1.CanaryRunSpec)) {
	c.T.Helper()
	run := c.RunNamed(name)
	edit(&run.Spec)
	c.Must(c.API.Update(c.T.Context(), &run))
}

// EditPlan changes the plan "default".
func (c *Cluster) EditPlan(edit func(*v1alpha1.CanaryPlanSpec)) {
	c.T.Helper()
	var plan v1alpha1.CanaryPlan
	c.Must(c.API.Get(c.T.Context(), types.NamespacedName{Namespace: Namespace, Name: "default"}, &plan))
	edit(&plan.Spec)
	c.Must(c.API.Update(c.T.Context(), &plan))
}

// EditAnalysis changes the plan that is there, before a run copies it.
func (c *Cluster) EditAnalysis(edit func(*v1alpha1.Analysis)) {
	c.T.Helper()
	c.EditPlan(func(s *v1alpha1.CanaryPlanSpec) { edit(&s.Analysis) })
}

// JudgeBy gives the plan "default" these metrics.
func (c *Cluster) JudgeBy(metrics ...v1alpha1.Metric) {
	c.T.Helper()
	c.EditAnalysis(func(a *v1alpha1.Analysis) { a.Metrics = metrics })
}

// Adopt lets the canary's ReplicaSet adopt a pod in place of its own, and delete that.
func (c *Cluster) Adopt(edit func(*corev1.Pod)) *corev1.Pod {
	c.T.Helper()
	rs := c.CanarySet()
	c.Must(c.API.Delete(c.T.Context(), c.CanaryPod()))
	pod := CanaryPod(rs, true)
	pod.Name, pod.UID = rs.Name+"-good", "uid-good"
	edit(pod)
	c.Must(c.API.Create(c.T.Context(), pod))
	return pod
}

// Pod makes a pod with the labels of the stable ones that a controller has.
func (c *Cluster) Pod(name, generateName string, controller metav1.OwnerReference) {
	c.T.Helper()
	pod := StablePod(c.Deployment(), "z")
	pod.Name, pod.GenerateName, pod.UID = name, generateName, types.UID("uid-"+name)
	pod.OwnerReferences = nil
	if controller.Name != "" {
		pod.OwnerReferences = []metav1.OwnerReference{controller}
	}
	c.Must(c.API.Create(c.T.Context(), pod))
}
