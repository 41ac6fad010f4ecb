// Package deployment answers the admission requests for Deployments: it decodes a
// request, asks package intent which pod template it asks for and package
// decide what becomes of it, and answers with a JSON patch and warnings.
//
// # Failing open or closed
//
// In a namespace annotated "enabled" a Deployment must never be stuck because
// Holdfast is broken: the webhook configuration ignores a webhook that cannot be
// reached, and an error inside lets the update pass with a warning; the
// evaluator reports it as ungated. Where it says "required", an untried template
// must never run: both refuse the update. That is about outages: a Deployment
// annotated "disabled" is left out in both, unless a CanaryPolicy guards the
// namespace, and a rollback to a ReplicaSet that was made for the Deployment passes
// in both.
package deployment

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/decode"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment/clientstate"
	"holdfast.dev/holdfast/webhook/deployment/decide"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/deployment/precheck"
	"holdfast.dev/holdfast/webhook/plancheck"
	"holdfast.dev/holdfast/webhook/reply"
)

// Handler answers the admission requests of one entry of the webhook configuration.
type Handler struct {
	// ByNamespace: the entry selects guarded namespaces. Otherwise it selects
	// Deployments elsewhere that opted in on their own or carry a record.
	ByNamespace bool
	// FailClosed refuses what cannot be decided, instead of letting it pass.
	FailClosed bool
	// Key seals held records.
	Key hold.Key
	// History is asked when a request really brings another template.
	History history.Server
	// Check asks the API server what it makes of a template before it is held.
	Check Check
	// Access asks whether a user may go without a canary.
	Access bypass.Access
	// Policies finds what administrators demand of the namespace.
	Policies demand.Policies
	// RestartMarks are names of marks of a restart beside those that are known.
	RestartMarks []string
	// Plans reads the plan of a Deployment, for what it says of restarts, of newer updates of the
	// annotations that are held, and of a canary beside strategy Recreate; nil says nothing.
	Plans client.Reader
	// Protection puts Holdfast's finalizer on ConfigMaps; nil puts none on.
	Protection *finalizer.Right
	// Routes knows which routes lead to a Deployment; nil knows nothing of any.
	Routes Routes
	// Probes says that canaries can have the sidecar that measures requests.
	Probes bool
	// Endpoints tells how often pods are scraped, for warnings about windows; nil
	// if that is not known.
	Endpoints plancheck.Definitions
	// HookHosts are those that hooks of plans may be at.
	HookHosts outbound.Hosts
	// Evaluator is the user name of the evaluator. Who released is decided by
	// it, never by an annotation alone.
	Evaluator string
	// NewID makes IDs of holds, unique for all time.
	NewID func() string
	// Now is the clock.
	Now func() time.Time
	// Metrics count decisions.
	Metrics *Metrics
}

var _ admission.Handler = (*Handler)(nil)

// answerTimeout is the timeoutSeconds of the webhook configuration: after it
// nobody waits for an answer any more.
const answerTimeout = 10 * time.Second

// leeway is what of that is left for the answer to arrive. One that comes late is none: where the namespace
// fails open, an update passes that was to be held.
const leeway = 2 * time.Second

// dispensable is the context of what an answer can do without: of so long at most, and not to the end of the
// time in which somebody waits for the answer.
func dispensable(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	until := time.Now().Add(most)
	if deadline, limited := ctx.Deadline(); limited && until.After(deadline.Add(-leeway)) {
		until = deadline.Add(-leeway)
	}
	return context.WithDeadline(ctx, until)
}

// Handle answers one request. A server that is told to stop ends the contexts of
// the requests it is answering (controller-runtime's); they are answered all the
// same, before it is gone. The time in which a request waited for its slot counts.
func (h *Handler) Handle(ctx context.Context, req admission.Request) admission.Response {
	deadline, waited := ctx.Deadline()
	if latest := time.Now().Add(answerTimeout); !waited || deadline.After(latest) {
		deadline = latest
	}
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	start := h.Now()
	resp, decision := h.respond(ctx, req)
	h.Metrics.observe(decision, req.DryRun != nil && *req.DryRun, h.Now().Sub(start))
	return resp
}

func (h *Handler) respond(ctx context.Context, req admission.Request) (resp admission.Response, decision decide.Decision) {
	log := ctrl.LoggerFrom(ctx) // it names object, user and request
	var u update
	defer func() {
		// The API server would take a panic for a refusal, also where the namespace fails open.
		// Nobody is to get his own record in by causing one.
		if p := recover(); p != nil {
			log.Error(fmt.Errorf("panic: %v", p), "update not decided", "stack", string(debug.Stack()))
			resp, decision = h.undecided(u, errors.New("internal error, see the logs of Holdfast")), failed
		}
	}()
	decoded, err := decode.Request(req.AdmissionRequest)
	if err != nil {
		return h.undecided(u, err), failed
	}
	u = update{decoded}
	a, decision, err := h.answer(ctx, req.AdmissionRequest, u)
	var refusal reply.Refusal
	switch {
	case errors.As(err, &refusal):
		log.Info("update refused", "reason", refusal.Message)
		if decision.Effect != decide.Refuse {
			decision = refused
		}
		return reply.Denied(refusal), decision
	case err != nil:
		log.Error(err, "update not decided", "failClosed", h.FailClosed)
		return h.undecided(u, err), failed
	}
	log.V(verbosity(decision)).Info("update decided",
		"effect", decision.Effect, "reason", decision.Reason, "manager", u.Manager)
	return admission.Patched("", a.patch(u.New)...).WithWarnings(a.warnings...), decision
}

// verbosity is 0 for what changes what runs or is held.
func verbosity(d decide.Decision) int {
	if d.Reason == decide.ReasonUnchanged || d.Reason == decide.ReasonAlreadyHeld || d == own || d == created {
		return 1
	}
	return 0
}

func (h *Handler) answer(ctx context.Context, req admissionv1.AdmissionRequest, u update) (amendment, decide.Decision, error) {
	switch {
	case req.Operation == admissionv1.Create:
		return h.answerCreate(ctx, req, u)
	case u.User == h.Evaluator:
		return h.answerEvaluator(u)
	}
	return h.answerUser(ctx, req, u)
}

// answerCreate lets every Deployment be made that can run, and says what will
// keep its updates from being held. A skip that it comes with counts for this
// request (see package recreate) and for none after it.
//
// The held record of another Deployment stays until the evaluator has told that
// there was one: it opens nowhere, since the UID is new.
func (h *Handler) answerCreate(ctx context.Context, req admissionv1.AdmissionRequest, u update) (amendment, decide.Decision, error) {
	a := u.keepOwnMarks()
	if err := u.spendSkip(&a); err != nil {
		return amendment{}, decide.Decision{}, err
	}
	a.set(clientstate.LastAppliedAnnotation, string(lastApplied(u.New).Unmarked()))
	if label, err := hold.ReadLabel(u.New.Annotation(v1alpha1.HeldAnnotation)); err == nil {
		a.set(v1alpha1.HeldAnnotation, u.New.Annotation(v1alpha1.HeldAnnotation))
		a.warn(warnCopy(label))
	}
	for _, clash := range precheck.Clashes(req.Name, selectorOf(u.New), u.New.Template()) {
		a.warn("updates of this Deployment will be refused: " + clash.Error())
	}
	d, err := h.Policies.ForNamespace(ctx, req.Namespace)
	if err != nil {
		return amendment{}, decide.Decision{}, err
	}
	a.warnings = append(a.warnings, tellDisabledInVain(d, u)...)
	a.warnings = append(a.warnings, h.inlineTraps(req.Namespace, d, u)...)
	alone, err := h.isAlone(ctx, req.Namespace, d, u.New)
	if err != nil {
		return amendment{}, decide.Decision{}, err
	}
	if alone && h.requires(d) {
		a.warn("updates of this Deployment will be refused: " + refusalAlone(d))
	}
	if err := validatePlanName(u); err != nil {
		return amendment{}, decide.Decision{}, err
	}
	return a, created, h.validateInline(req.Namespace, d, u)
}

// undecided fails open or closed. What passes has Holdfast's annotations as they
// were, if the request could be read at all.
func (h *Handler) undecided(u update, err error) admission.Response {
	if h.FailClosed {
		return admission.Errored(http.StatusInternalServerError,
			fmt.Errorf("holdfast could not decide on this update and the namespace requires canaries: %w", err))
	}
	a := amendment{}
	a.warn("passed without a canary, because of an error: " + err.Error())
	if u.New.Object == nil {
		return admission.Allowed("").WithWarnings(a.warnings...)
	}
	passed := u.keepOwnMarks()
	if !hold.Equal(u.Old.Template(), u.New.Template()) {
		passed.set(v1alpha1.FailedAnnotation, "") // another template passes than the one that was rejected
	}
	return admission.Patched("", passed.patch(u.New)...).WithWarnings(a.warnings...)
}
