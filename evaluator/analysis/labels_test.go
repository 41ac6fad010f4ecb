package analysis

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestLabels(t *testing.T) {
	sick := metav1.LabelSelector{MatchLabels: map[string]string{"sick": "true"}}
	onPods := v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Selector: sick}}
	onDeployment := v1alpha1.Metric{Labels: &v1alpha1.LabelWatch{Of: "Deployment", Selector: sick}}
	marked := append(pods("a"), Pod{Name: "b", Labels: map[string]string{"sick": "true"}})
	check(t, map[string]judged{
		"no pod has it":             {metric: onPods, o: Observation{Pods: pods("a", "b")}, outcome: "Passed", reason: "NoLabel", rule: "no canary pod matches sick=true"},
		"one pod has it":            {metric: onPods, o: Observation{Pods: marked}, outcome: "Failed", reason: "LabelFound", says: "pod b matches sick=true"},
		"no pods":                   {metric: onPods, o: Observation{}, outcome: "NoData", reason: "NoData", says: "no canary pods"},
		"the Deployment's is not":   {metric: onPods, o: Observation{Pods: pods("a"), Deployment: map[string]string{"sick": "true"}}, outcome: "Passed", reason: "NoLabel"},
		"the Deployment has it":     {metric: onDeployment, o: Observation{Deployment: map[string]string{"sick": "true"}}, outcome: "Failed", reason: "LabelFound", says: "the Deployment matches sick=true"},
		"the Deployment has it not": {metric: onDeployment, o: Observation{Pods: marked}, outcome: "Passed", reason: "NoLabel", rule: "no Deployment matches sick=true"},
		"what cannot be looked at":  {metric: onPods, o: Observation{Answer: Answer{Error: "it was not measured"}}, outcome: "Error", reason: "Error"},
	})
}
