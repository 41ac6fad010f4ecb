package v1alpha1

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Hook is a server that a run asks at some moment of its course. It is asked by a POST of JSON, as Flagger
// asks its webhooks, and an answer with a status of 2xx is a yes. An administrator says which hosts may be
// asked; without that none is.
//
// +kubebuilder:validation:XValidation:rule="!has(self.failureLimit) || self.type == 'PreRollout' || self.type == 'Rollout'",message="failureLimit is for hooks of type PreRollout and Rollout, which can fail the canary; take it off"
type Hook struct {
	// name tells the hook from the others of its plan, and from its metrics: in status and events.
	// +required
	// +kubebuilder:validation:XValidation:rule="self != 'pods' && self != 'baseline'",message="is the health of the pods, which every run is judged by; choose another name"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// type is when it is asked, and what a yes does.
	// ConfirmRollout: before the canary is made; the run waits for a yes.
	// PreRollout: when the canary is Ready, before it is measured and before routes give it requests; without a
	// yes it is asked again, and failureLimit is on that.
	// Rollout: with each round of measurements; a no is a failed measurement.
	// Rollback: with each round; a yes reverts the update.
	// ConfirmTrafficIncrease: before each step but the first; the run waits for a yes.
	// ConfirmPromotion: when all was good, before the update is released; the run waits for a yes, and is
	// measured on.
	// PostRollout: once, when a run that had a canary has ended; whatever it answers.
	// +required
	Type HookType `json:"type"`

	// url is asked, by http or https. Its host must be one that an administrator allows (--hook-hosts), and the
	// policies of the namespace (hooks.hosts). Where it sends on to nobody goes.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^https?://[^/?#@\s]+([/?][^#\s]*)?$`
	URL string `json:"url"`

	// timeout is how long one request may take, the answer included.
	// +optional
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('5m')",message="must be from 100ms to 5m"
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// retries is how often a request is sent again at once where there was no answer, or one of a server in
	// trouble (429, 5xx).
	// +optional
	// +kubebuilder:default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	Retries *int32 `json:"retries,omitempty"`

	// metadata is sent as it is.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Metadata map[string]string `json:"metadata,omitempty"`

	// failureLimit is how often in a row a hook of type PreRollout or Rollout may say no; once more and the
	// canary has failed. That of the analysis if it is not said. Where there is no answer, errorLimit of the
	// analysis counts.
	// +optional
	// +kubebuilder:validation:Minimum=0
	FailureLimit *int32 `json:"failureLimit,omitempty"`
}

// HookType is when a hook is asked.
//
// +kubebuilder:validation:Enum=ConfirmRollout;PreRollout;Rollout;Rollback;ConfirmTrafficIncrease;ConfirmPromotion;PostRollout
type HookType string

// The moments at which hooks are asked.
const (
	HookConfirmRollout         HookType = "ConfirmRollout"
	HookPreRollout             HookType = "PreRollout"
	HookRollout                HookType = "Rollout"
	HookRollback               HookType = "Rollback"
	HookConfirmTrafficIncrease HookType = "ConfirmTrafficIncrease"
	HookConfirmPromotion       HookType = "ConfirmPromotion"
	HookPostRollout            HookType = "PostRollout"
)

// HookTypes are all of them.
var HookTypes = []HookType{
	HookConfirmRollout, HookPreRollout, HookRollout, HookRollback, HookConfirmTrafficIncrease, HookConfirmPromotion, HookPostRollout,
}

// IsGate says whether the run waits for a yes.
func (t HookType) IsGate() bool {
	return t == HookConfirmRollout || t == HookConfirmTrafficIncrease || t == HookConfirmPromotion
}

// MaxHooks is how many hooks a plan has at most.
const MaxHooks = 16

// Bounds of what a hook may say.
const (
	MinHookTimeout = 100 * time.Millisecond
	MaxHookTimeout = 5 * time.Minute
	MaxHookRetries = 5
)

// HooksOf are the hooks of a plan that are asked at a moment, in their order.
func (s *CanaryPlanSpec) HooksOf(moment HookType) []Hook {
	var out []Hook
	for _, h := range s.Hooks {
		if h.Type == moment {
			out = append(out, h)
		}
	}
	return out
}

// setHookDefaults fills in what hooks do not say.
func (s *CanaryPlanSpec) setHookDefaults() {
	for i := range s.Hooks {
		setDefault(&s.Hooks[i].Timeout, metav1.Duration{Duration: 10 * time.Second})
		setDefault(&s.Hooks[i].Retries, 0)
	}
}

// HookStatus is what a hook was asked last, and what it said.
type HookStatus struct {
	// name is that of the hook in the plan, type when it is asked.
	Name string   `json:"name"`
	Type HookType `json:"type"`
	// step is the step that the run was to go on to, of a hook that is asked before each.
	// +optional
	Step int32 `json:"step,omitempty"`
	// since is when it was first asked about this.
	// +optional
	Since *metav1.Time `json:"since,omitempty"`
	// at is when it first said what it says now.
	// +optional
	At *metav1.Time `json:"at,omitempty"`
	// answer is what it said: Yes, No, or None where there was no answer.
	// +optional
	Answer HookAnswer `json:"answer,omitempty"`
	// refusals and errors are how often in a row it said no, and gave no answer, of a hook that limits are on.
	// +optional
	Refusals int32 `json:"refusals,omitempty"`
	// +optional
	Errors int32 `json:"errors,omitempty"`
	// message says for people what it answered, in short.
	// +optional
	Message string `json:"message,omitempty"`
}

// HookAnswer is what a hook said.
//
// +kubebuilder:validation:Enum=Yes;No;None
type HookAnswer string

// What a hook can say.
const (
	// HookYes: a status of 2xx.
	HookYes HookAnswer = "Yes"
	// HookNo: another status.
	HookNo HookAnswer = "No"
	// HookNone: nobody has answered, or nobody who knows: a proxy in front of the server, one that is busy, or
	// one that sends on to elsewhere.
	HookNone HookAnswer = "None"
)

// Hook is the status of a hook; an empty one of that name if it has none.
func (s *CanaryRunStatus) Hook(name string) HookStatus {
	if i := slices.IndexFunc(s.Hooks, func(h HookStatus) bool { return h.Name == name }); i >= 0 {
		return s.Hooks[i]
	}
	return HookStatus{Name: name}
}

// SetHook puts the status of a hook in the place of what there was.
func (s *CanaryRunStatus) SetHook(hook HookStatus) {
	if i := slices.IndexFunc(s.Hooks, func(h HookStatus) bool { return h.Name == hook.Name }); i >= 0 {
		s.Hooks[i] = hook
		return
	}
	s.Hooks = append(s.Hooks, hook)
}

// PolicyHooks says which servers the plans of the namespaces may have asked.
type PolicyHooks struct {
	// hosts are those that hooks may name, of the ones that Holdfast's administrator allows (--hook-hosts): a
	// host name, with :PORT where that is another than the scheme's, and :* for any; a name that begins with *.
	// is for all below it, and {{namespace}} stands for the namespace of the run. What is not said leaves all;
	// an empty list leaves none.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Hosts []string `json:"hosts,omitempty"`
}
