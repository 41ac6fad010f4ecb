// Package plancheck says what is wrong or doubtful with a plan in its namespace, be it
// a CanaryPlan or in the annotations of a Deployment.
package plancheck

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/trap"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/reply"
)

// Definitions knows the Prometheus servers that plans may name.
type Definitions interface {
	// Endpoint returns the settings of one, "" being the default. Its error
	// names those that plans of the namespace may name.
	Endpoint(namespace, name string) (endpoint.Definition, error)
}

// Warnings tells the traps of a plan, and an endpoint that it cannot have.
func Warnings(d demand.Demands, endpoints Definitions, namespace string, spec *v1alpha1.CanaryPlanSpec) []string {
	var out []string
	var scrape time.Duration
	if endpoints != nil {
		e, err := endpoints.Endpoint(namespace, spec.Analysis.Endpoint)
		if err != nil && !spec.OnlyReadsProbes() {
			out = append(out, "runs of this plan will end inconclusive: spec.analysis.endpoint: "+err.Error())
		}
		scrape = e.ScrapeInterval.Duration
		if !spec.OnlyReadsProbes() {
			out = append(out, late(e, spec)...)
		}
	}
	out = append(out, reply.Few(trap.OfPlan(spec, scrape))...)
	out = append(out, notPortable(spec)...)
	out = append(out, unprobed(d, spec)...)
	out = append(out, SecurityForbids(d, spec)...)
	out = append(out, MeshAhead(d, spec, nil)...)
	_, empty := Tenancy(d, endpoints, namespace, spec, func(q query.Tenanted) *field.Path { return q.Path })
	out = append(out, empty[:min(len(empty), reply.MaxTraps)]...)
	for i := range out {
		out[i] = reply.Warning(out[i])
	}
	return out
}

// notPortable tells of a match that not every gateway can tell. The route's status may not say so.
func notPortable(spec *v1alpha1.CanaryPlanSpec) []string {
	tell := func(at string, match *v1alpha1.RequestMatch) []string {
		if match.IsPortable() {
			return nil
		}
		what := "a header by RegularExpression"
		if match.Cookie != nil {
			what = "a cookie, which routes ask for by a regular expression for the header Cookie"
		}
		return []string{fmt.Sprintf("%s asks for %s: gateways need not support that, and read such an expression each in a way of its own; "+
			"see whether yours does, or have a header of type Exact", at, what)}
	}
	if spec.Traffic == nil {
		return nil
	}
	if out := tell("spec.traffic.match", spec.Traffic.Match); out != nil {
		return out
	}
	for i := range spec.Steps {
		if out := tell(fmt.Sprintf("spec.steps[%d].match", i), spec.Steps[i].Match); out != nil {
			return out
		}
	}
	return nil
}

// late tells of steps that are over before a sample of them can be asked for.
func late(e endpoint.Definition, spec *v1alpha1.CanaryPlanSpec) []string {
	delay := e.Delay.Duration
	if delay == 0 {
		return nil
	}
	periods := map[string]*metav1.Duration{"spec.analysis.period": spec.Analysis.Period}
	for i, step := range spec.Steps {
		periods[fmt.Sprintf("spec.steps[%d].period", i)] = step.Period
	}
	var out []string
	for _, path := range slices.Sorted(maps.Keys(periods)) {
		if period := periods[path]; period != nil && period.Duration <= delay {
			out = append(out, fmt.Sprintf("%s: endpoint %s is asked for what was %s ago, and after %s nothing is known of the canary yet; "+
				"it goes on until there are measurements, so have it take longer than that", path, e.Name, delay, period.Duration))
		}
	}
	return out
}

// Tenancy says which queries of a plan are not asked for this namespace,
// because of the endpoint's tenancy or of policies, and warns of selectors that
// have no data there. Of an endpoint that the plan cannot have it says nothing.
func Tenancy(d demand.Demands, endpoints Definitions, namespace string, spec *v1alpha1.CanaryPlanSpec, at func(query.Tenanted) *field.Path) (refused field.ErrorList, empty []string) {
	if endpoints == nil {
		return nil, nil
	}
	e, err := endpoints.Endpoint(namespace, spec.Analysis.Endpoint)
	if err != nil {
		return nil, nil
	}
	matchers, err := e.Tenancy.With(d.MatcherTexts()).MatchersFor(namespace)
	if err != nil || len(matchers) == 0 {
		return nil, nil
	}
	for _, q := range query.PlanTenancy(spec, namespace, matchers, field.NewPath("spec")) {
		if q.Refused != nil {
			refused = append(refused, field.Forbidden(at(q), q.Refused.Error()))
		}
		empty = append(empty, q.Warnings()...)
	}
	return refused, empty
}

// assumedReplicas stand in for those of a Deployment where a plan is written
// that many may be tried by.
const assumedReplicas = 100

// Changes tells what policies will make of a plan.
func Changes(d demand.Demands, spec *v1alpha1.CanaryPlanSpec) []string {
	_, changes := d.Apply(*spec, assumedReplicas)
	if len(changes) == 0 {
		return nil
	}
	return []string{reply.Warning("runs of this plan will differ from it: " + policy.Sentences(changes, 900))}
}

// HooksForbidden refuses a plan with hooks that are never asked. They would keep its runs for ever, and not
// only when the plan was changed last.
func HooksForbidden(d demand.Demands, hosts outbound.Hosts, namespace string, spec *v1alpha1.CanaryPlanSpec) field.ErrorList {
	return query.HookForbidden(spec, field.NewPath("spec"), func(url string) error { return d.HookAllowed(hosts, namespace, url) })
}

// EndpointForbidden refuses a plan that names an endpoint which policies do not allow.
func EndpointForbidden(d demand.Demands, spec *v1alpha1.CanaryPlanSpec) field.ErrorList {
	may, by := d.MayAsk(spec.Analysis.Endpoint)
	if may {
		return nil
	}
	if applied, _ := d.Apply(*spec, assumedReplicas); applied.OnlyReadsProbes() {
		return nil
	}
	return field.ErrorList{field.Forbidden(field.NewPath("spec", "analysis", "endpoint"),
		fmt.Sprintf("CanaryPolicy %s does not let plans of this namespace name it", by))}
}
