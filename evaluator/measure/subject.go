package measure

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// Subject is what is measured: a run, or what stands for one in the past.
type Subject struct {
	// Run is the run's name; its UID is empty in the past.
	Run        types.NamespacedName
	UID        types.UID
	Deployment string
	// Status is what the run has come to.
	Status v1alpha1.CanaryRunStatus
	// Analysis are the metrics of the step under way, their defaults set.
	Analysis v1alpha1.Analysis
	// Canary and Baseline are the names of the ReplicaSets of either; nil for none.
	Canary, Baseline []string
	// Pods are those of the canary, BaselinePods those of the baseline, as they are now.
	Pods, BaselinePods []corev1.Pod
	// PodNames are by ReplicaSet the names of all pods that it made, those that are gone
	// too.
	PodNames map[string][]string
}

// SubjectOf is the run of a snapshot, the names of whose pods are to be added.
func SubjectOf(in lifecycle.Snapshot) Subject {
	attempt := lifecycle.AttemptOf(in.Run.Status)
	s := Subject{
		Run:          types.NamespacedName{Namespace: in.Run.Namespace, Name: in.Run.Name},
		Deployment:   in.Run.Spec.Deployment,
		Status:       in.Run.Status,
		Analysis:     lifecycle.AnalysisOf(in),
		Canary:       []string{v1alpha1.CanaryName(in.Run.Name, attempt)},
		Pods:         in.Pods,
		BaselinePods: in.BaselinePods,
	}
	if lifecycle.WantsBaseline(in) {
		s.Baseline = []string{v1alpha1.BaselineName(in.Run.Name, attempt)}
	}
	return s
}

// age is how long the canary has been Ready at a time; 0 if it is not.
func (s Subject) age(at time.Time) time.Duration {
	if s.Status.ReadyAt == nil {
		return 0
	}
	return at.Sub(s.Status.ReadyAt.Time)
}

// Lookup finds out what only some queries ask for, when the first of them does.
// Its errors are those of the measurement, and shown to those who may read the run.
type Lookup interface {
	// Endpoint finds the endpoint that the plan names, "" being the default.
	Endpoint(ctx context.Context, name string) (Endpoint, error)
	// Probes answers about the probes of the run's pods, which are read without a Prometheus.
	Probes(ctx context.Context) (Endpoint, error)
	// Stable are the Deployment's own pods: by ReplicaSet the names of all that it is
	// known to have made, those that are gone too.
	Stable(ctx context.Context) (map[string][]string, error)
	// Service is the name of the Service that selects the canary's pods, "" if none does.
	Service(ctx context.Context) (string, error)
	// DeploymentLabels are the labels of the Deployment; none if it is gone.
	DeploymentLabels(ctx context.Context) (map[string]string, error)
	// PodLabels are the labels of one of the canary's pods.
	PodLabels(ctx context.Context, pod analysis.Pod) (map[string]string, error)
}
