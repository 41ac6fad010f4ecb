package v1alpha1

// Prefix is the domain of every annotation and label key of Holdfast.
const Prefix = "holdfast.dev/"

// Annotations that people write.
const (
	// CanaryAnnotation opts in: "enabled" or "required" on a namespace,
	// "enabled" or "disabled" on a Deployment. The label of the same key on a
	// namespace is derived from it and is Holdfast's own.
	CanaryAnnotation = Prefix + "canary"
	// PlanAnnotation names the CanaryPlan to use, on a Deployment or its namespace.
	PlanAnnotation = Prefix + "plan"
	// PeriodAnnotation is how long the canary must stay good, as a Go duration
	// ("10m"). With it, or with annotations of metrics or hooks, a Deployment carries its plan inline.
	PeriodAnnotation = Prefix + "period"
	// MetricAnnotationPrefix begins the keys of inline metrics:
	// metric.holdfast.dev/<name>: '<PromQL> in [<min>, <max>]', or an expectation
	// such as 'P99 < 310ms' or 'success >= 99%'.
	MetricAnnotationPrefix = "metric." + Prefix
	// HookAnnotationPrefix begins the keys of inline hooks: hook.holdfast.dev/<name>: '<type> <URL>', such as
	// 'ConfirmPromotion http://gate.example.com/check'.
	HookAnnotationPrefix = "hook." + Prefix
	// SourceAnnotation is what measures the requests that inline expectations are
	// about: PrometheusClient (which it is without it), Istio, Linkerd and so on.
	SourceAnnotation = Prefix + "source"
	// StatusLabelAnnotation is the label by which inline expectations of success tell
	// how a request ended: "code" without it.
	StatusLabelAnnotation = Prefix + "status-label"
	// ProbeAnnotation has a sidecar measure requests. "enabled" on a Deployment whose plan is in annotations: in
	// the pods of its canary and its baseline. "enabled" on a namespace: in all new pods, so that stable pods
	// can be compared too; the label of the same key is derived from it. "disabled" on a pod template leaves its
	// pods out of these.
	ProbeAnnotation = Prefix + "probe"
	// BesideRecreateAnnotation says whether a canary may run beside a Deployment whose
	// strategy is Recreate, "true" or "false", whatever its plan says. It stands on the
	// Deployment.
	BesideRecreateAnnotation = Prefix + "beside-recreate"
	// CanaryImageAnnotation asks for a run of this image beside the template as it stands.
	CanaryImageAnnotation = Prefix + "canary-image"
	// CanaryContainerAnnotation names the container that CanaryImageAnnotation is for.
	CanaryContainerAnnotation = Prefix + "canary-container"
	// StartAtAnnotation is when the canary of the next update may be made, as
	// RFC 3339 ("2026-03-01T22:00:00Z"), on a Deployment.
	StartAtAnnotation = Prefix + "start-at"
	// RetryAnnotation clears the memory of rejected templates whenever its value changes.
	RetryAnnotation = Prefix + "retry"
	// SkipAnnotation lets one update pass without a canary, for users who may
	// "bypass" canaryruns. Its value says why, and counts once.
	SkipAnnotation = Prefix + "skip"
)

// Values of ProbeAnnotation.
const (
	ProbeEnabled  = "enabled"
	ProbeDisabled = "disabled"
)

// VerbBypass on canaryruns is the permission to update without a canary.
const VerbBypass = "bypass"

// VerbExempt on canarypolicies is the permission to change by hand what binds a
// namespace to its policies. Holdfast has it, and cluster admins.
const VerbExempt = "exempt"

// Annotations that Holdfast writes. What a user sends under these keys is put
// back to what the object in the cluster says.
const (
	// HeldAnnotation is the held record of package hold.
	HeldAnnotation = Prefix + "held"
	// RejectedAnnotation is the memory of rejected templates of package hold.
	RejectedAnnotation = Prefix + "rejected"
	// StableAnnotation is the stamp of package hold: which template Holdfast last let
	// through. A Deployment of a guarded namespace that runs another one was updated
	// while the webhook could not be reached. It is sealed for this Deployment. On a run
	// it is the hash of the template beside which the run was made, and not sealed.
	StableAnnotation = Prefix + "stable"
	// SkippedAnnotation is the last skip of package hold: which value was used up, for which
	// template, by whom and when.
	SkippedAnnotation = Prefix + "skipped"
	// UntriedAnnotation is the last update that passed without a canary because the
	// strategy of the Deployment is Recreate: which template, by whom and when.
	UntriedAnnotation = Prefix + "untried"
	// ToldAnnotation is the time of the last of these two that an event told, as it stands in them.
	ToldAnnotation = Prefix + "told"
	// ReleaseAnnotation, set to the ID of a hold by the evaluator's own
	// ServiceAccount, makes the webhook swap the held template in. The webhook
	// leaves it out of what is stored.
	ReleaseAnnotation = Prefix + "release"
	// StampedAnnotation on a guarded namespace is since when each guarded Deployment in it has
	// its stamp, sealed for this namespace: one that has lost it since was changed while the
	// webhook could not be reached.
	StampedAnnotation = Prefix + "stamped"
	// PoliciesAnnotation on a namespace names the CanaryPolicies that select it.
	PoliciesAnnotation = Prefix + "policies"
	// KillAnnotation on a namespace lets firing alerts that name its pods have them evicted: KillEnabled.
	KillAnnotation = Prefix + "kill"
	// DeletedAnnotationPrefix begins the keys under which a namespace that a
	// policy guards remembers the Deployments that were deleted:
	// deleted.holdfast.dev/<name>: '<hash of the template> <time>' (see DeletedAnnotation).
	DeletedAnnotationPrefix = "deleted." + Prefix
	// CountedAnnotation on a stable pod is when a pod of a run beside it was put in quarantine last: the
	// disruption controller counts anew when a pod changes that a budget selects.
	CountedAnnotation = Prefix + "counted"
	// FailedAnnotation is the hash of the template that was last asked for, if
	// that was rejected. As long as it stands, tools that wait for a rollout see
	// a failed one; the next request that asks for another template takes it off.
	FailedAnnotation = Prefix + "failed"
	// RestartedAnnotation is the alias of package hold: the hash of the stable template, and the
	// one by which it was tried, where marks of a restart came to it since. It is sealed for this Deployment.
	RestartedAnnotation = Prefix + "restarted"
)

// OverlayAnnotation on a route is the record of package route: the share that a run's canary has
// on it, and the route as its user asked for it.
const OverlayAnnotation = Prefix + "overlay"

// OwnAnnotations of a Deployment are written by Holdfast alone.
var OwnAnnotations = []string{
	HeldAnnotation, RejectedAnnotation, StableAnnotation, SkippedAnnotation, UntriedAnnotation, ReleaseAnnotation, FailedAnnotation,
	RestartedAnnotation, ToldAnnotation,
}

// Labels.
const (
	// ProbeLabel on a namespace is what the webhook configuration selects on whose new pods are measured.
	ProbeLabel = ProbeAnnotation
	// CanaryLabel on a namespace is what the webhook configuration selects on.
	CanaryLabel = CanaryAnnotation
	// PolicyLabel on a namespace is how its policies guard it, "enabled" or
	// "required". It is Holdfast's own, and only it and cluster admins may change it.
	PolicyLabel = Prefix + "policy"
	// DeploymentLabel on a CanaryRun names its Deployment (see LabelValue).
	DeploymentLabel = Prefix + "deployment"
	// HashLabel on a CanaryRun and on canary pods is the hash of the template on trial.
	HashLabel = Prefix + "hash"
	// RunLabel on a canary ReplicaSet and its pods names their CanaryRun (see LabelValue).
	RunLabel = Prefix + "run"
	// RoleLabel on pods says what they are in a run.
	RoleLabel = Prefix + "role"
	// QuarantineLabel is "true" on pods of a run that are kept and are no part of the application any more: they
	// have lost the labels of their template.
	QuarantineLabel = Prefix + "quarantine"
)

// ProtectFinalizer keeps a ConfigMap usable that the stable template of a Deployment names, where its plan
// says protect: ConfigMaps.
const ProtectFinalizer = Prefix + "stable-template"

// Values of RoleLabel.
const (
	// RoleCanary: a pod of the canary.
	RoleCanary = "canary"
	// RoleBaseline: a fresh pod of the stable template, to compare the canary with.
	RoleBaseline = "baseline"
)

// KillEnabled is the value of KillAnnotation.
const KillEnabled = "enabled"

// Values of CanaryAnnotation and CanaryLabel.
const (
	// CanaryEnabled guards and fails open: with the webhook down updates pass,
	// and the evaluator reports them as ungated.
	CanaryEnabled = "enabled"
	// CanaryRequired guards and fails closed: with the webhook down updates of
	// a pod template are refused.
	CanaryRequired = "required"
	// CanaryDisabled on a Deployment takes it out of a guarded namespace.
	CanaryDisabled = "disabled"
)
