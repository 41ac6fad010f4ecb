package measure

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
)

// complete adds to an observation what is known of the canary otherwise.
func (r *round) complete(ctx context.Context, metric v1alpha1.Metric, o analysis.Observation) analysis.Observation {
	o.Pods, o.Wanted = countedPods(r.subject.Pods), r.subject.Status.Replicas
	o.PodLabel, o.SampleAge = r.endpoint.Labels.Pod, r.endpoint.SampleAge
	o.Deployment = map[string]string{}
	if metric.Labels != nil {
		if err := r.addLabels(ctx, &o); err != nil {
			o.Error = err.Error()
		}
	}
	return o
}

// addLabels adds the labels of what a plan may watch.
func (r *round) addLabels(ctx context.Context, o *analysis.Observation) (err error) {
	if o.Deployment, err = r.lookup.DeploymentLabels(ctx); err != nil {
		return err
	}
	for i, pod := range o.Pods {
		if o.Pods[i].Labels, err = r.lookup.PodLabels(ctx, pod); err != nil {
			return err
		}
	}
	return nil
}

// countedPods are the pods that are to be there: not those that are on their
// way out or have ended, in whose place the ReplicaSet makes others.
func countedPods(pods []corev1.Pod) []analysis.Pod {
	var out []analysis.Pod
	for _, pod := range pods {
		ended := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
		if pod.DeletionTimestamp == nil && !ended {
			out = append(out, analysis.Pod{Name: pod.Name, Labels: pod.Labels})
		}
	}
	return out
}
