package webhook

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/query"
)

// Endpoints knows the Prometheus servers that plans may name.
type Endpoints interface {
	// Endpoint returns the settings of one, "" being the default. Its error
	// names those that plans of the namespace may name.
	Endpoint(namespace, name string) (endpoint.Endpoint, error)
}

// PlanHandler answers the admission requests for CanaryPlans: it refuses the
// mistakes that the schema cannot see, such as those of a query, and warns of
// traps. Its entry fails open, and so does it: the evaluator runs no plan with a
// mistake, however that came in.
type PlanHandler struct {
	Endpoints Endpoints
	Policies  Policies
}

var _ admission.Handler = (*PlanHandler)(nil)

// Handle answers one request.
func (h *PlanHandler) Handle(ctx context.Context, req admission.Request) admission.Response {
	var plan v1alpha1.CanaryPlan
	if err := json.Unmarshal(req.Object.Raw, &plan); err != nil {
		return admission.Allowed("").WithWarnings("the plan was not checked: it cannot be decoded")
	}
	plan.Spec.SetDefaults()
	if errs := query.ValidatePlan(&plan.Spec, field.NewPath("spec")); len(errs) > 0 {
		ctrl.LoggerFrom(ctx).Info("plan refused", "mistakes", len(errs))
		return invalid(errs)
	}
	demands, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil {
		return admission.Allowed("").WithWarnings("the plan was not compared with policies: " + err.Error())
	}
	refused, _ := demands.planTenancy(h.Endpoints, req.Namespace, &plan.Spec, func(q query.Tenanted) *field.Path { return q.Path })
	if len(refused) > 0 {
		ctrl.LoggerFrom(ctx).Info("plan refused", "refusedQueries", len(refused))
		return invalid(refused)
	}
	if errs := demands.mayAsk(&plan.Spec); len(errs) > 0 {
		return invalid(errs)
	}
	warnings := append(demands.planChanges(&plan.Spec), demands.planWarnings(h.Endpoints, req.Namespace, &plan.Spec)...)
	return admission.Allowed("").WithWarnings(warnings...)
}

// invalid refuses with one cause for each mistake, as the API server does.
func invalid(errs field.ErrorList) admission.Response {
	resp := admission.Denied(plaintext.Block(errs.ToAggregate().Error(), maxRefusal))
	resp.Result.Code = http.StatusUnprocessableEntity
	resp.Result.Reason = metav1.StatusReasonInvalid
	resp.Result.Details = &metav1.StatusDetails{}
	for _, err := range errs {
		resp.Result.Details.Causes = append(resp.Result.Details.Causes, metav1.StatusCause{
			Type: metav1.CauseType(err.Type), Field: err.Field, Message: plaintext.Block(err.ErrorBody(), maxRefusal),
		})
	}
	return resp
}

// maxTraps is how many traps are told; API servers cut a long list of warnings.
const maxTraps = 8

func few(traps []string) []string {
	if len(traps) > maxTraps {
		return append(traps[:maxTraps:maxTraps], "there is more of the kind")
	}
	return traps
}

// planWarnings tells the traps of a plan, and an endpoint that it cannot have.
func (d demands) planWarnings(endpoints Endpoints, namespace string, spec *v1alpha1.CanaryPlanSpec) []string {
	var out []string
	var scrape time.Duration
	if endpoints != nil {
		e, err := endpoints.Endpoint(namespace, spec.Analysis.Endpoint)
		if err != nil {
			out = append(out, "runs of this plan will end inconclusive: spec.analysis.endpoint: "+err.Error())
		}
		scrape = e.ScrapeInterval.Duration
	}
	out = append(out, few(query.PlanTraps(spec, scrape))...)
	_, empty := d.planTenancy(endpoints, namespace, spec, func(q query.Tenanted) *field.Path { return q.Path })
	out = append(out, empty[:min(len(empty), maxTraps)]...)
	for i := range out {
		out[i] = warning(out[i])
	}
	return out
}

// planTenancy says which queries of a plan are not asked for this namespace,
// because of the endpoint's tenancy or of policies, and warns of selectors that
// have no data there. Of an endpoint that the plan cannot have it says nothing.
func (d demands) planTenancy(endpoints Endpoints, namespace string, spec *v1alpha1.CanaryPlanSpec, at func(query.Tenanted) *field.Path) (refused field.ErrorList, empty []string) {
	if endpoints == nil {
		return nil, nil
	}
	e, err := endpoints.Endpoint(namespace, spec.Analysis.Endpoint)
	if err != nil {
		return nil, nil
	}
	matchers, err := e.Tenancy.With(d.MatcherTexts()).For(namespace)
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
