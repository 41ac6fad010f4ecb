package app

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"holdfast.dev/holdfast/evaluator/gates"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/clientcert"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/outbound"
)

// Options are the flags of holdfast.
type Options struct {
	namespace      string
	serviceAccount string

	prometheusURL       string
	prometheusEndpoints string
	notifiers           string
	hookHosts           string
	hookAllowAddresses  string
	hookDenyAddresses   string
	hookCAFile          string
	hookCredentials     string
	tenancyLabel        string
	allowAddresses      string
	denyAddresses       string
	prometheusTimeout   time.Duration
	scrapeInterval      time.Duration
	queriesAtOnce       int
	namespaceLabel      string
	podLabel            string

	webhookPort   int
	metricsAddr   string
	healthAddr    string
	pprofAddr     string
	webhookConfig string
	webhookName   string
	certificates  string
	clientCAFile  string
	clientName    string
	alerts        alertOptions
	page          pageOptions
	excluded      string
	restartMarks  string
	probeImage    string
	rewriteStatus bool

	leaderElect   bool
	leaseDuration time.Duration
	historySize   int
	runsAtOnce    int
	maxRuns       int
	writeBudget   float64
}

// AddFlags declares every flag; docs/reference/flags.md is made from it.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"the namespace Holdfast runs in, where it keeps its Secrets and lease; default: the environment variable POD_NAMESPACE")
	fs.StringVar(&o.serviceAccount, "service-account", "holdfast",
		"the ServiceAccount Holdfast runs as; only its requests release a held update")

	fs.StringVar(&o.prometheusURL, "prometheus-url", "",
		"the Prometheus that plans are judged by, for example http://prometheus-server.monitoring.svc; without it runs of plans with metrics end in an error")
	fs.StringVar(&o.prometheusEndpoints, "prometheus-endpoints", "",
		"a file that defines more of them, with credentials, which plans name by spec.analysis.endpoint; it is reread when it changes")
	fs.StringVar(&o.notifiers, "notifiers", "",
		"a file that names receivers of notifications (Slack, webhooks, Alertmanager) and what each is told; it is reread when it changes")
	fs.StringVar(&o.hookHosts, "hook-hosts", "",
		"hosts that hooks of plans may be at, separated by commas: names such as gate.example.com, with :PORT where that is another than the scheme's and :* for any, *.example.com for all below a name, and {{namespace}} for that of the plan; without any no hook is asked")
	fs.StringVar(&o.hookAllowAddresses, "hook-allow-addresses", "",
		"IP addresses, and ranges of them, at which hooks may be although they are loopback, link-local or of a cloud's metadata, separated by commas")
	fs.StringVar(&o.hookDenyAddresses, "hook-deny-addresses", "", "IP addresses, and ranges of them, at which no hook may be, separated by commas")
	fs.StringVar(&o.hookCredentials, "hook-credentials", "",
		"HOST=FILE, separated by commas: to hooks at HOST, which is as one of --hook-hosts, what is in FILE is shown in the header Authorization, such as Bearer abc; by https alone, unless HOST begins with http://. {{namespace}} in FILE stands for that of the plan. Files are reread at each request")
	fs.StringVar(&o.hookCAFile, "hook-ca-file", "", "a file with the CAs by which hooks with https are trusted, those of the system without it")
	fs.DurationVar(&o.scrapeInterval, "prometheus-scrape-interval", endpoint.DefaultScrapeInterval,
		"how often --prometheus-url scrapes pods; a window on a canary is first asked for when it holds four samples")
	fs.DurationVar(&o.prometheusTimeout, "prometheus-timeout", 10*time.Second, "the longest a query may take")
	fs.IntVar(&o.queriesAtOnce, "prometheus-concurrency", 8, "how many queries may be under way at once")
	fs.StringVar(&o.tenancyLabel, "prometheus-tenancy-label", "",
		"a label of the series of --prometheus-url whose value is their namespace, for example namespace: plans then see those of their own namespace only")
	fs.StringVar(&o.allowAddresses, "prometheus-allow-addresses", "",
		"IP addresses, and ranges of them, at which --prometheus-url may be although they are loopback, link-local or of a cloud's metadata, separated by commas")
	fs.StringVar(&o.denyAddresses, "prometheus-deny-addresses", "",
		"IP addresses, and ranges of them, at which no Prometheus may be, those of --prometheus-endpoints included, separated by commas")
	fs.StringVar(&o.namespaceLabel, "namespace-label", "namespace", "the label of series that names a pod's namespace")
	fs.StringVar(&o.podLabel, "pod-label", "pod", "the label of series that names a pod")

	fs.IntVar(&o.webhookPort, "webhook-port", 9443, "the port that answers admission requests")
	o.alerts.addFlags(fs)
	o.page.addFlags(fs)
	fs.StringVar(&o.metricsAddr, "metrics-bind-address", ":8080", "where /metrics is served; 0 turns it off")
	fs.StringVar(&o.healthAddr, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served")
	fs.StringVar(&o.pprofAddr, "pprof-bind-address", "",
		"where profiles of the process are served, under /debug/pprof/, to everyone who reaches it, for example localhost:6060; without it none are")
	fs.StringVar(&o.webhookConfig, "webhook-configuration", "holdfast", "the webhook configurations, mutating and validating, by which API servers trust the webhook")
	fs.StringVar(&o.webhookName, "webhook-service", "holdfast-webhook", "the Service by which API servers reach the webhook")
	fs.StringVar(&o.certificates, "certificates", selfManaged,
		"where the webhook's certificate comes from: "+selfManaged+" (Holdfast makes and rotates it) or "+certManager+" (issued by cert-manager, with the objects of the overlay of that name)")
	fs.StringVar(&o.clientCAFile, "client-ca-file", "",
		"a file with the CA of the client certificates of API servers, for only them to be answered; without it everyone is who can reach the webhook")
	fs.StringVar(&o.clientName, "client-name", "", "the common name, or a DNS name, that client certificates must have; without it all of --client-ca-file are good")
	fs.StringVar(&o.excluded, "excluded-namespaces", "kube-system",
		"namespaces, separated by commas, that are never guarded, besides the one Holdfast runs in; the webhook configuration must leave them out too")

	fs.StringVar(&o.restartMarks, "restart-marks", "",
		"keys of annotations of pod templates, separated by commas, whose change is a restart and no update, beside those of kubectl, Rancher, Reloader and others that are known; a CanaryPolicy can have a list of its own instead")
	fs.StringVar(&o.probeImage, "probe-image", "",
		"the image of the sidecar that measures requests, which is that of Holdfast; default: that of the pod in which this runs, so that it can be left out there")
	fs.BoolVar(&o.rewriteStatus, "rewrite-status", true,
		"keep tools that wait for a rollout waiting while an update is held, and make them fail after its revert, by what the Deployment's status says")

	fs.BoolVar(&o.leaderElect, "leader-elect", true, "elect one replica to evaluate; all of them answer admission requests")
	fs.DurationVar(&o.leaseDuration, "lease-duration", 15*time.Second,
		"how long the leader may be silent before another replica takes over; it must renew in two thirds of that")
	fs.IntVar(&o.historySize, "history-limit", 10, "how many ended runs of a Deployment are kept")
	fs.IntVar(&o.maxRuns, "max-runs", 0, "how many runs of the cluster may have a canary at once, the others wait for their turn; 0 is no limit")
	fs.Float64Var(&o.writeBudget, "status-writes-per-second", float64(lifecycle.DefaultWriteBudget),
		"how many statuses of runs are written a second in which nothing is new but good rounds, in the whole cluster; all else is written when it happens, and each status every ten minutes")
	fs.IntVar(&o.runsAtOnce, "concurrent-reconciles", 8, "how many runs are worked on at once; those that wait for Prometheus do not count")
}

// Validate says which flag is wrong, and how it should be.
func (o *Options) Validate() error {
	if o.namespace == "" {
		return errors.New("--namespace is empty; set it, or the environment variable POD_NAMESPACE")
	}
	if o.leaseDuration < 3*time.Second {
		return fmt.Errorf("--lease-duration is %s; it must be at least 3s", o.leaseDuration)
	}
	if o.certificates != selfManaged && o.certificates != certManager {
		return fmt.Errorf("--certificates is %q; it must be %s or %s", o.certificates, selfManaged, certManager)
	}
	if o.clientName != "" && o.clientCAFile == "" {
		return fmt.Errorf("--client-name is %q; it needs --client-ca-file, or anyone could take that name", o.clientName)
	}
	if err := o.alerts.validate(); err != nil {
		return err
	}
	for _, name := range list(o.restartMarks) {
		if err := hold.ValidateMark(name); err != nil {
			return fmt.Errorf("--restart-marks: %w", err)
		}
	}
	if o.writeBudget <= 0 {
		return fmt.Errorf("--status-writes-per-second is %g; it must be more than 0", o.writeBudget)
	}
	if o.maxRuns < 0 {
		return fmt.Errorf("--max-runs is %d; it must be 0, for no limit, or more", o.maxRuns)
	}
	if o.prometheusURL != "" {
		if errs := endpoint.ValidateURL(o.prometheusURL, nil); len(errs) > 0 {
			return fmt.Errorf("--prometheus-url %s", errs[0].ErrorBody())
		}
	}
	if errs := o.validateAddresses(); errs != nil {
		return errs
	}
	if t := (endpoint.Tenancy{Label: o.tenancyLabel}); t.Enforced() {
		if _, err := t.MatchersFor("namespace"); err != nil {
			return fmt.Errorf("--prometheus-tenancy-label: %w", err)
		}
	}
	if o.scrapeInterval < time.Second {
		return fmt.Errorf("--prometheus-scrape-interval is %s; it must be at least 1s", o.scrapeInterval)
	}
	if o.prometheusTimeout < 100*time.Millisecond || o.queriesAtOnce < 1 {
		return errors.New("--prometheus-timeout must be at least 100ms, and --prometheus-concurrency at least 1")
	}
	return nil
}

// prometheus is the endpoint that the flags define.
func (o *Options) prometheus() endpoint.Definition {
	e := endpoint.Definition{Target: outbound.Target{URL: o.prometheusURL}, Labels: endpoint.PodLabels{Namespace: o.namespaceLabel, Pod: o.podLabel}}
	e.ScrapeInterval.Duration = o.scrapeInterval
	e.Tenancy.Label = o.tenancyLabel
	e.AllowAddresses, e.DenyAddresses = list(o.allowAddresses), list(o.denyAddresses)
	e.Limits.Timeout.Duration = o.prometheusTimeout
	e.Limits.Concurrency = o.queriesAtOnce
	return e
}

// hooks are the settings of hooks.
func (o *Options) hooks() gates.Settings {
	credentials, _ := outbound.ParseCredentials(list(o.hookCredentials)) // which validate has read
	return gates.Settings{
		Credentials: credentials,
		Hosts:       list(o.hookHosts), AllowAddresses: list(o.hookAllowAddresses), DenyAddresses: list(o.hookDenyAddresses), CAFile: o.hookCAFile,
	}
}

func (o *Options) validateAddresses() error {
	if errs := outbound.ValidateHosts(list(o.hookHosts), nil); len(errs) > 0 {
		return fmt.Errorf("--hook-hosts %s", errs[0].ErrorBody())
	}
	if _, err := outbound.ParseCredentials(list(o.hookCredentials)); err != nil {
		return fmt.Errorf("--hook-credentials: %w", err)
	}
	for name, text := range map[string]string{
		"--prometheus-allow-addresses": o.allowAddresses, "--prometheus-deny-addresses": o.denyAddresses,
		"--hook-allow-addresses": o.hookAllowAddresses, "--hook-deny-addresses": o.hookDenyAddresses,
	} {
		if errs := outbound.ValidateAddresses(list(text), nil); len(errs) > 0 {
			return fmt.Errorf("%s %s", name, errs[0].ErrorBody())
		}
	}
	return nil
}

// list are the parts of a list with commas, none of an empty one.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

// unguarded are the namespaces that are never guarded.
func (o *Options) unguarded() []string {
	return append(list(o.excluded), o.namespace)
}

// clients are who may call the webhook, nil for everybody.
func (o *Options) clients() *clientcert.Clients {
	if o.clientCAFile == "" {
		return nil
	}
	return &clientcert.Clients{CAFile: o.clientCAFile, Name: o.clientName}
}

// user is the name under which the API server knows this process.
func (o *Options) user() string {
	return "system:serviceaccount:" + o.namespace + ":" + o.serviceAccount
}

// hosts are the names under which API servers call the webhook.
func (o *Options) hosts() []string {
	service := o.webhookName + "." + o.namespace + ".svc"
	return []string{service, service + ".cluster.local", o.webhookName + "." + o.namespace}
}
