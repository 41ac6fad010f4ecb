// Package app is the command holdfast without its main function.
package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/leaderelection"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/measure"
	"holdfast.dev/holdfast/evaluator/notify"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/evaluator/traffic"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/leadership"
	holdwebhook "holdfast.dev/holdfast/webhook"
	"holdfast.dev/holdfast/webhook/serving"
)

// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=holdfast-system,resources=leases,verbs=create
// +kubebuilder:rbac:groups=coordination.k8s.io,namespace=holdfast-system,resources=leases,resourceNames=holdfast,verbs=get;update
// +kubebuilder:rbac:groups=core,namespace=holdfast-system,resources=events,verbs=create;patch

// Run runs Holdfast until ctx ends or something fails for good.
func Run(ctx context.Context, o Options) error {
	mgr, server, err := newManager(ctx, o)
	if err != nil {
		return err
	}
	defer server.Wait()
	return mgr.Start(ctx)
}

// newManager wires everything together.
func newManager(ctx context.Context, o Options) (ctrl.Manager, *serving.Server, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, nil, err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, nil, err
	}
	// How much is too much the API server knows, and by priority and fairness it has whoever asks wait for his
	// turn: a limit of our own would keep updates waiting beside an idle server. The webhook has a client of its
	// own.
	config.QPS = -1
	direct, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, err
	}
	key, err := sealingKey(ctx, direct, o.namespace)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := newCertificates(config, scheme, direct, o)
	if err != nil {
		return nil, nil, err
	}
	server, err := webhookServer(o, certificate)
	if err != nil {
		return nil, nil, err
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                 scheme,
		Cache:                  objects.CacheOptions(key),
		Metrics:                metricsserver.Options{BindAddress: o.metricsAddr, FilterProvider: fewScrapes},
		HealthProbeBindAddress: o.healthAddr,
		PprofBindAddress:       o.pprofAddr,
		WebhookServer:          server,
	})
	if err != nil {
		return nil, nil, err
	}
	return mgr, server, setUp(ctx, mgr, o, key, certificate)
}

// scrapesAtOnce is how many scrapes are answered at once. What a process tells of itself takes the longer the
// busier it is, and those who ask every second, and wait for no longer, would have it do nothing else.
const scrapesAtOnce = 2

// fewScrapes answers more of them by 503.
func fewScrapes(*rest.Config, *http.Client) (metricsserver.Filter, error) {
	slots := make(chan struct{}, scrapesAtOnce)
	return func(_ logr.Logger, handler http.Handler) (http.Handler, error) {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				handler.ServeHTTP(w, r)
			default:
				http.Error(w, "holdfast: other scrapes are answered still", http.StatusServiceUnavailable)
			}
		}), nil
	}, nil
}

// webhookServer serves with the certificate, to those who may call. API servers
// call webhooks by HTTP/1.1, so it does without HTTP/2 and what is found in it.
func webhookServer(o Options, certificate certificates) (*serving.Server, error) {
	tlsOptions := []func(*tls.Config){func(c *tls.Config) {
		c.GetCertificate, c.NextProtos = certificate.GetCertificate, []string{"http/1.1"}
	}}
	clients := o.clients()
	if clients == nil {
		ctrl.Log.Info("everyone who reaches the webhook is answered, not API servers alone; see --client-ca-file")
	} else {
		if err := clients.Check(); err != nil {
			return nil, fmt.Errorf("--client-ca-file: %w", err)
		}
		tlsOptions = append(tlsOptions, clients.Ask)
	}
	return &serving.Server{
		Farewell: serving.Farewell, Clients: clients, Limiter: serving.NewLimiter(o.user(), serving.NewMetrics(metrics.Registry)),
		Server: webhook.NewServer(webhook.Options{Port: o.webhookPort, TLSOpts: tlsOptions}),
	}, nil
}

func setUp(ctx context.Context, mgr ctrl.Manager, o Options, key hold.Key, certificate certificates) error {
	if err := mgr.Add(certificate); err != nil {
		return err
	}
	lead, err := newElector(mgr, o)
	if err != nil {
		return err
	}
	endpoints, err := promql.Open(o.prometheusEndpoints, o.prometheus(), promql.NewMetrics(metrics.Registry), clock.RealClock{})
	if err != nil {
		return err
	}
	if err := mgr.Add(endpoints); err != nil {
		return err
	}
	notifications, err := openNotifications(mgr, o)
	if err != nil {
		return err
	}
	routes, err := traffic.NewRouter(mgr, key)
	if err != nil {
		return err
	}
	image := probeImageOf(ctx, mgr.GetAPIReader(), o)
	if err := holdwebhook.SetupWithManager(mgr, holdwebhook.Options{
		Key: key, User: o.user(), Endpoints: endpoints, HookHosts: o.hooks().Hosts, Routes: routes, Excluded: o.unguarded(), RewriteStatus: o.rewriteStatus, RestartMarks: list(o.restartMarks), ProbeImage: image,
		Leadership: lead, NewID: newID, Registerer: metrics.Registry,
	}); err != nil {
		return fmt.Errorf("set up webhook: %w", err)
	}
	if err := evaluator.SetupWithManager(ctx, mgr, evaluator.Options{
		Key: key, Leadership: lead, Endpoints: measure.EndpointsOf(endpoints), Clock: clock.RealClock{}, Registerer: metrics.Registry, Notifications: notifications, Hooks: o.hooks(),
		MaxConcurrentReconciles: o.runsAtOnce, HistoryLimit: o.historySize, MaxRuns: o.maxRuns, WriteBudget: lifecycle.WriteBudget(o.writeBudget), RewriteStatus: o.rewriteStatus, ProbeImage: image,
	}); err != nil {
		return fmt.Errorf("set up evaluator: %w", err)
	}
	if err := mgr.Add(lead); err != nil {
		return err
	}
	if err := addAlerts(mgr, o, certificate, endpoints); err != nil {
		return fmt.Errorf("set up the taking of alerts: %w", err)
	}
	if err := addPage(ctx, mgr, o, certificate, endpoints); err != nil {
		return fmt.Errorf("set up the page: %w", err)
	}
	return health(mgr, certificate)
}

// openNotifications is nil without a file of notifiers.
func openNotifications(mgr ctrl.Manager, o Options) (*notify.Outbox, error) {
	if o.notifiers == "" {
		return nil, nil
	}
	outbox, err := notify.Open(o.notifiers, notify.NewMetrics(metrics.Registry), clock.RealClock{})
	if err != nil {
		return nil, err
	}
	return outbox, mgr.Add(outbox)
}

// newElector elects the replica that evaluates. A lease of the manager's own would end the
// process when it is lost, and the webhook with it.
func newElector(mgr ctrl.Manager, o Options) (*leadership.Elector, error) {
	lock, err := leaderelection.NewResourceLock(mgr.GetConfig(), mgr, leaderelection.Options{
		LeaderElection: o.leaderElect, LeaderElectionID: "holdfast", LeaderElectionNamespace: o.namespace,
		RenewDeadline: leadership.RenewDeadline(o.leaseDuration),
	})
	if err != nil {
		return nil, fmt.Errorf("set up leader election: %w", err)
	}
	return leadership.NewElector(lock, o.leaseDuration), nil
}

// health says ready only when the certificate serves and the caches are filled.
func health(mgr ctrl.Manager, certificate certificates) error {
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("certificate", certificate.Ready); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("caches", objects.CachesSynced(mgr)); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("webhook", mgr.GetWebhookServer().StartedChecker())
}

// newID makes the ID of a hold.
func newID() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return hex.EncodeToString(id[:])
}
