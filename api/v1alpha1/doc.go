// Package v1alpha1 holds the kinds of Holdfast (CanaryPlan, CanaryRun and CanaryPolicy), the
// annotation and label keys by which people and programs talk to it, and the
// phases, condition types and reasons it answers with.
//
// Together with package hold it is the whole contract between the webhook and
// the evaluator, which never import each other.
//
// +kubebuilder:object:generate=true
// +groupName=holdfast.dev
package v1alpha1
