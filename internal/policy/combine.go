package policy

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Bound is a demand and the name of the policy that makes it, "" where none does.
type Bound[T any] struct {
	Value  T
	Policy string
}

// Is says whether there is such a demand.
func (b Bound[T]) Is() bool { return b.Policy != "" }

// Effective is what the policies of a namespace demand together. Of equal
// demands the one of the first policy, in order of names, counts.
type Effective struct {
	// Policies are the names of those that select the namespace, in order.
	Policies []string
	// Guard is how the namespace is guarded.
	Guard Bound[v1alpha1.Guard]

	MinPeriod, MaxInterval, MaxDeadline Bound[time.Duration]
	// RecreateDelay is how long a Deployment that was deleted is remembered.
	RecreateDelay                             Bound[time.Duration]
	MaxRuns, MaxFailureLimit, MaxRestartLimit Bound[int32]
	// MaxReplicas are all there are: which of a number and a share is less
	// depends on the Deployment.
	MaxReplicas []Bound[intstr.IntOrString]
	// MaxWeight is the largest share of requests by routes.
	MaxWeight Bound[int32]
	// RequestMatch is by what plans may have requests go to the canary beside its weight.
	RequestMatch Bound[v1alpha1.RequestMatchLimit]
	// Sources has a list for each policy that has one: that of a plan must be on all.
	Sources []Bound[[]v1alpha1.TrafficSource]
	// Probe is whether plans may have a sidecar measure requests, ProbeCapture how requests may come to it, and
	// ProbeCPU and ProbeMemory are the most that it may have.
	Probe                 Bound[v1alpha1.ProbeLimit]
	ProbeCapture          Bound[v1alpha1.ProbeCapture]
	ProbeCPU, ProbeMemory Bound[resource.Quantity]
	// Metrics are added to every plan. No two have one name.
	Metrics       []Bound[v1alpha1.Metric]
	FreezeWindows []Bound[v1alpha1.FreezeWindow]
	// Plans are those offered. No two have one name.
	Plans []Bound[v1alpha1.OfferedPlan]
	// Skip has a list for each policy that has one: who skips must be on all.
	Skip []Bound[[]v1alpha1.Subject]
	// Endpoints has a list for each policy that has one: a plan's must be on all.
	Endpoints []Bound[[]string]
	// HookHosts has a list for each policy that has one: the host of a hook must be on all.
	HookHosts []Bound[[]string]
	// Marks has a list for each policy that has one: what counts as a restart is on all.
	// LeavesKnownMarks says that a policy guards and has none: what is known counts at most.
	Marks            []Bound[[]string]
	LeavesKnownMarks bool
	// Matchers are put on every selector of every query.
	Matchers []Bound[string]
}

// MatcherTexts are the texts of Matchers.
func (e Effective) MatcherTexts() []string {
	var out []string
	for _, m := range e.Matchers {
		out = append(out, m.Value)
	}
	return out
}

// RestartMarks are the names of marks of a restart that policies leave, where these are known
// without them; demanded says whether a policy has a list.
func (e Effective) RestartMarks(known []string) (names []string, demanded bool) {
	if len(e.Marks) == 0 {
		return known, false
	}
	names = slices.Clone(e.Marks[0].Value)
	leave := func(list []string) {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(list, name) })
	}
	for _, list := range e.Marks[1:] {
		leave(list.Value)
	}
	if e.LeavesKnownMarks {
		leave(known)
	}
	return names, true
}

const defaultRecreateDelay = time.Hour

// Combine is what policies demand together.
func Combine(policies []v1alpha1.CanaryPolicy) Effective {
	sorted := slices.Clone(policies)
	slices.SortFunc(sorted, func(a, b v1alpha1.CanaryPolicy) int { return cmp.Compare(a.Name, b.Name) })
	sorted = slices.CompactFunc(sorted, func(a, b v1alpha1.CanaryPolicy) bool { return a.Name == b.Name })
	var e Effective
	for i := range sorted {
		e.add(sorted[i].Name, &sorted[i].Spec)
	}
	return e
}

func (e *Effective) add(name string, spec *v1alpha1.CanaryPolicySpec) {
	e.Policies = append(e.Policies, name)
	if spec.Guard == v1alpha1.GuardRequired && e.Guard.Value != v1alpha1.GuardRequired || spec.Guard != "" && !e.Guard.Is() {
		e.Guard = Bound[v1alpha1.Guard]{spec.Guard, name}
	}
	limits := spec.Limits
	if limits.RecreateDelay == nil && spec.Guard != "" {
		limits.RecreateDelay = &metav1.Duration{Duration: defaultRecreateDelay}
	}
	stricter(&e.RecreateDelay, duration(limits.RecreateDelay), name, greater)
	stricter(&e.MinPeriod, duration(limits.MinPeriod), name, greater)
	stricter(&e.MaxInterval, duration(limits.MaxInterval), name, less)
	stricter(&e.MaxDeadline, duration(limits.MaxDeadline), name, less)
	stricter(&e.MaxRuns, limits.MaxRuns, name, less)
	stricter(&e.MaxFailureLimit, limits.MaxFailureLimit, name, less)
	stricter(&e.MaxRestartLimit, limits.MaxRestartLimit, name, less)
	stricter(&e.MaxWeight, limits.MaxWeight, name, less)
	if said, is := limits.RequestMatch, e.RequestMatch; said == v1alpha1.RequestMatchNone && is.Value != said || said == v1alpha1.RequestMatchExact && !is.Is() {
		e.RequestMatch = Bound[v1alpha1.RequestMatchLimit]{said, name}
	}
	if limits.Probe == v1alpha1.ProbeNone && !e.Probe.Is() {
		e.Probe = Bound[v1alpha1.ProbeLimit]{limits.Probe, name}
	}
	if said := limits.ProbeCapture; said == v1alpha1.ProbeByRedirect && !e.ProbeCapture.Is() || said == v1alpha1.ProbeByName && e.ProbeCapture.Value != said {
		e.ProbeCapture = Bound[v1alpha1.ProbeCapture]{said, name}
	}
	smaller := func(a, b resource.Quantity) bool { return a.Cmp(b) < 0 }
	stricter(&e.ProbeCPU, limits.MaxProbeResources.CPU, name, smaller)
	stricter(&e.ProbeMemory, limits.MaxProbeResources.Memory, name, smaller)
	if limits.TrafficSources != nil {
		e.Sources = append(e.Sources, Bound[[]v1alpha1.TrafficSource]{limits.TrafficSources, name})
	}
	if limits.MaxReplicas != nil {
		e.MaxReplicas = appendNew(e.MaxReplicas, *limits.MaxReplicas, name)
	}
	for _, metric := range spec.Metrics {
		e.addMetric(metric, name)
	}
	for _, window := range spec.FreezeWindows {
		e.FreezeWindows = appendNew(e.FreezeWindows, window, name)
	}
	for _, plan := range spec.Plans {
		if !slices.ContainsFunc(e.Plans, func(b Bound[v1alpha1.OfferedPlan]) bool { return b.Value.Name == plan.Name }) {
			e.Plans = append(e.Plans, Bound[v1alpha1.OfferedPlan]{plan, name})
		}
	}
	if spec.Allow.Skip != nil {
		e.Skip = append(e.Skip, Bound[[]v1alpha1.Subject]{spec.Allow.Skip, name})
	}
	if spec.Prometheus.Endpoints != nil {
		e.Endpoints = append(e.Endpoints, Bound[[]string]{spec.Prometheus.Endpoints, name})
	}
	if spec.Hooks.Hosts != nil {
		e.HookHosts = append(e.HookHosts, Bound[[]string]{spec.Hooks.Hosts, name})
	}
	if spec.RestartMarks != nil {
		e.Marks = append(e.Marks, Bound[[]string]{spec.RestartMarks, name})
	} else if spec.Guard != "" {
		e.LeavesKnownMarks = true
	}
	for _, matcher := range spec.Prometheus.Matchers {
		e.Matchers = appendNew(e.Matchers, matcher, name)
	}
}

// addMetric adds a metric. Of two that share a name and nothing else the second
// is told apart by a number, for both are demanded. What measures requests is said
// here, before there is a plan: one that measures all pods behind the Service
// would find a bad canary to be a small part of them.
func (e *Effective) addMetric(metric v1alpha1.Metric, policy string) {
	if metric.Expect != "" && metric.Source == "" {
		metric.Source = v1alpha1.SourcePrometheusClient
	}
	name := metric.Name
	for n := 2; ; n++ {
		at := slices.IndexFunc(e.Metrics, func(b Bound[v1alpha1.Metric]) bool { return b.Value.Name == metric.Name })
		if at < 0 {
			e.Metrics = append(e.Metrics, Bound[v1alpha1.Metric]{metric, policy})
			return
		}
		if reflect.DeepEqual(e.Metrics[at].Value, metric) {
			return
		}
		metric.Name = numbered(name, n)
	}
}

func less[T cmp.Ordered](a, b T) bool    { return a < b }
func greater[T cmp.Ordered](a, b T) bool { return a > b }

// stricter takes a demand over if it is one and stricter than what there is.
func stricter[T any](have *Bound[T], demand *T, policy string, than func(a, b T) bool) {
	if demand != nil && (!have.Is() || than(*demand, have.Value)) {
		*have = Bound[T]{*demand, policy}
	}
}

func appendNew[T any](have []Bound[T], value T, policy string) []Bound[T] {
	if slices.ContainsFunc(have, func(b Bound[T]) bool { return reflect.DeepEqual(b.Value, value) }) {
		return have
	}
	return append(have, Bound[T]{value, policy})
}

func duration(d *metav1.Duration) *time.Duration {
	if d == nil {
		return nil
	}
	return &d.Duration
}
