package v1alpha1

import appsv1 "k8s.io/api/apps/v1"

// What else than keys of Holdfast's own stands in the labels of a canary.
const (
	// CanaryPodLabel is "true" on canary pods, unless their template says something else.
	CanaryPodLabel = "canary"

	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "holdfast"
)

// ReservedPodLabels are the labels by which pods are told apart. A template
// that sets one cannot run as a canary. The first is that by which a Deployment tells
// its ReplicaSets apart.
var ReservedPodLabels = []string{appsv1.DefaultDeploymentUniqueLabelKey, RunLabel, RoleLabel, HashLabel, QuarantineLabel}

// CanaryPodLabels are the labels that the canary pods of a run get beside those
// of their template, CanaryPodLabel aside.
func CanaryPodLabels(run, hash string) map[string]string { return PodLabels(run, RoleCanary, hash) }

// PodLabels are the labels that the pods of a role in a run get beside those of
// their template. By the last one schedulers tell revisions of a Deployment apart
// (matchLabelKeys), so each role has one of its own, of at most 19 characters.
func PodLabels(run, role, hash string) map[string]string {
	revision := hash[:min(len(hash), 10)]
	if role == RoleBaseline {
		revision += "-" + role
	}
	return map[string]string{RunLabel: LabelValue(run), RoleLabel: role, HashLabel: hash, appsv1.DefaultDeploymentUniqueLabelKey: revision}
}

// CanaryReplicaSetLabels are the labels of the ReplicaSet of a run.
func CanaryReplicaSetLabels(run, deployment, hash string) map[string]string {
	return map[string]string{
		RunLabel:        LabelValue(run),
		DeploymentLabel: LabelValue(deployment),
		HashLabel:       hash,
		managedByLabel:  managedBy,
	}
}
