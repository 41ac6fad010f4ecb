// Package webhook serves the entries of the webhook configuration, each of which has
// a package below it, and derives what the entries select on.
package webhook

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/internal/finalizer"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/leadership"
	"holdfast.dev/holdfast/internal/outbound"
	"holdfast.dev/holdfast/webhook/apiserver"
	"holdfast.dev/holdfast/webhook/bypass"
	"holdfast.dev/holdfast/webhook/demand"
	"holdfast.dev/holdfast/webhook/deployment"
	"holdfast.dev/holdfast/webhook/deployment/history"
	"holdfast.dev/holdfast/webhook/namespace"
	"holdfast.dev/holdfast/webhook/plan"
	"holdfast.dev/holdfast/webhook/plancheck"
	"holdfast.dev/holdfast/webhook/pod"
	"holdfast.dev/holdfast/webhook/policy"
	"holdfast.dev/holdfast/webhook/recreate"
	"holdfast.dev/holdfast/webhook/route"
	"holdfast.dev/holdfast/webhook/status"
)

// Options are what the entries are set up with.
type Options struct {
	// Key seals held records.
	Key hold.Key
	// User is the name of the user that Holdfast is to the API server.
	User string
	// Endpoints are the Prometheus servers that plans may name.
	Endpoints plancheck.Definitions
	// HookHosts are those that hooks of plans may be at.
	HookHosts outbound.Hosts
	// Routes knows which routes lead to a Deployment.
	Routes deployment.Routes
	// Excluded are the namespaces that are never guarded.
	Excluded []string
	// RestartMarks are names of marks of a restart beside those that are known.
	RestartMarks []string
	// RewriteStatus keeps tools that wait for a rollout waiting while an update is held.
	RewriteStatus bool
	// ProbeImage is that of the sidecar that measures requests; without it no pod has one.
	ProbeImage string
	// Leadership says when this replica keeps labels and status.
	Leadership *leadership.Elector
	// NewID makes IDs of holds, unique for all time.
	NewID func() string
	// Registerer takes the metrics.
	Registerer prometheus.Registerer
}

// SetupWithManager serves every entry, and keeps the labels of namespaces and the
// status of policies.
func SetupWithManager(mgr ctrl.Manager, o Options) error {
	server, err := apiserver.New(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetRESTMapper(), mgr.GetScheme())
	if err != nil {
		return err
	}
	serve(mgr, o, server)
	labels := &namespace.Reconciler{Client: mgr.GetClient(), Events: mgr.GetEventRecorder("holdfast"), Excluded: o.Excluded}
	if err := labels.SetupWithManager(mgr, o.Leadership); err != nil {
		return fmt.Errorf("set up opt-in: %w", err)
	}
	policies := &policy.Reconciler{Client: mgr.GetClient(), Excluded: o.Excluded}
	if err := policies.SetupWithManager(mgr, o.Leadership); err != nil {
		return fmt.Errorf("set up policies: %w", err)
	}
	return nil
}

// serve serves the entries. Their paths are those of manifests/base/webhook.yaml.
func serve(mgr ctrl.Manager, o Options, server *apiserver.Client) {
	policies := demand.Policies{Reader: mgr.GetClient(), Live: server} // the former is a cache
	access := bypass.Access{Creator: server}
	protection := &finalizer.Right{Writer: server, Now: time.Now}
	decisions := deployment.NewMetrics(o.Registerer)
	hashes := &history.Hashes{}
	handlers := map[string]admission.Handler{
		"/route":  &route.Handler{Key: o.Key, Evaluator: o.User},
		"/plan":   &plan.Handler{Endpoints: o.Endpoints, HookHosts: o.HookHosts, Policies: policies},
		"/policy": policy.Handler{},
		"/pod":    &pod.Handler{Image: o.ProbeImage, Policies: policies},
		"/status": &status.Handler{Rewrite: o.RewriteStatus, Now: time.Now, Metrics: status.NewMetrics(o.Registerer)},
	}
	for path, failClosed := range map[string]bool{"/recreate/enabled": false, "/recreate/required": true} {
		handlers[path] = &recreate.Handler{FailClosed: failClosed, Policies: policies, Access: access, RestartMarks: o.RestartMarks, API: server, Now: time.Now}
	}
	for path, entry := range map[string]struct{ byNamespace, failClosed bool }{
		"/hold/enabled":    {byNamespace: true},
		"/hold/required":   {byNamespace: true, failClosed: true},
		"/hold/deployment": {},
	} {
		handlers[path] = &deployment.Handler{
			ByNamespace: entry.byNamespace, FailClosed: entry.failClosed,
			Key: o.Key, History: history.Server{Reader: server, Hashes: hashes},
			Check:  deployment.Check{Updater: server, User: o.User, Timeout: deployment.CheckTimeout},
			Access: access, Policies: policies, Plans: server, RestartMarks: o.RestartMarks, Endpoints: o.Endpoints, HookHosts: o.HookHosts, Protection: protection, Routes: o.Routes, Probes: o.ProbeImage != "",
			Evaluator: o.User, NewID: o.NewID, Now: time.Now, Metrics: decisions,
		}
	}
	for path, handler := range handlers {
		mgr.GetWebhookServer().Register(path, &admission.Webhook{Handler: handler})
	}
}
