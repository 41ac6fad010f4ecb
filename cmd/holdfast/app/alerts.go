package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"holdfast.dev/holdfast/evaluator/inbound"
	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/clientcert"
	"holdfast.dev/holdfast/internal/query"
)

// Values of --kill.
const (
	killOff    = "off"
	killDryRun = "dry-run"
	killOn     = "on"
)

// noAddress is where nothing is served.
const noAddress = "0"

// ledgerName is the ConfigMap in which the pods stand that were killed.
const ledgerName = "holdfast-kills"

// alertOptions are the flags about alerts that are sent to Holdfast.
type alertOptions struct {
	address       string
	tokenFile     string
	clientCAFile  string
	kill          string
	killLimit     int
	killLimitTime time.Duration
}

func (o *alertOptions) addFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.address, "alerts-bind-address", noAddress,
		"where alerts that Alertmanager sends are taken, by TLS with the webhook's certificate, for example :9095; at /alerts those that fail canaries. "+noAddress+" turns it off")
	fs.StringVar(&o.tokenFile, "alerts-token-file", "",
		"a file with the bearer token that senders of alerts must have; it is reread at each request. This or --alerts-client-ca-file is needed")
	fs.StringVar(&o.clientCAFile, "alerts-client-ca-file", "", "a file with the CA of the client certificates that senders of alerts must have")
	fs.StringVar(&o.kill, "kill", killOff,
		"whether an alert that is sent to /kill has the pod evicted that it names, in namespaces with the annotation holdfast.dev/kill: enabled: "+
			killOff+", "+killDryRun+" (told, and not done) or "+killOn)
	fs.IntVar(&o.killLimit, "kill-limit", 1, "how many pods of a workload are evicted for alerts within --kill-limit-time")
	fs.DurationVar(&o.killLimitTime, "kill-limit-time", 10*time.Minute, "the time that --kill-limit is for")
}

func (o *alertOptions) taken() bool { return o.address != "" && o.address != noAddress }

func (o *alertOptions) validate() error {
	if o.kill != killOff && o.kill != killDryRun && o.kill != killOn {
		return fmt.Errorf("--kill is %q; it must be %s, %s or %s", o.kill, killOff, killDryRun, killOn)
	}
	if !o.taken() {
		if o.kill != killOff {
			return fmt.Errorf("--kill is %q; it needs --alerts-bind-address", o.kill)
		}
		return nil
	}
	if o.tokenFile == "" && o.clientCAFile == "" {
		return errors.New("--alerts-bind-address needs --alerts-token-file or --alerts-client-ca-file, or anyone could fail a canary")
	}
	if o.killLimit < 1 || o.killLimitTime < time.Second {
		return errors.New("--kill-limit must be at least 1, and --kill-limit-time at least 1s")
	}
	return nil
}

// addAlerts has a manager take alerts, where a flag says so.
func addAlerts(mgr ctrl.Manager, o Options, certificate certificates, endpoints *promql.Endpoints) error {
	if !o.alerts.taken() {
		return nil
	}
	counted, ready := inbound.NewMetrics(metrics.Registry), make(chan struct{})
	server := &inbound.Server{
		Address: o.alerts.address, TLS: &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.GetCertificate},
		TokenFile: o.alerts.tokenFile, Ready: ready, Metrics: counted,
		Judge: &inbound.Judge{
			Cached: mgr.GetCache(), Live: mgr.GetAPIReader(), Writer: mgr.GetClient(), Clock: clock.RealClock{}, Metrics: counted,
			Labels: func(namespace, name string) (query.Labels, error) {
				view, err := endpoints.Find(namespace, name)
				if err != nil {
					return query.Labels{}, err
				}
				by := view.Endpoint().Labels
				return query.Labels{Namespace: by.Namespace, Pod: by.Pod}, nil
			},
		},
	}
	if o.alerts.clientCAFile != "" {
		server.Clients = &clientcert.Clients{CAFile: o.alerts.clientCAFile}
	}
	if o.alerts.kill != killOff {
		server.Killer = &inbound.Killer{
			Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Cached: mgr.GetCache(), Clock: clock.RealClock{}, Metrics: counted,
			Labels: query.Labels{Namespace: o.namespaceLabel, Pod: o.podLabel}, Limit: inbound.KillLimit{Pods: o.alerts.killLimit, Time: o.alerts.killLimitTime},
			DryRun: o.alerts.kill == killDryRun, Recorder: mgr.GetEventRecorder("holdfast"),
			Ledger: &inbound.Ledger{Reader: mgr.GetAPIReader(), Writer: mgr.GetClient(), Name: types.NamespacedName{Namespace: o.namespace, Name: ledgerName}},
		}
	}
	if err := server.Check(); err != nil {
		return err
	}
	if err := mgr.Add(manager.RunnableFunc(func(ctx context.Context) error {
		if mgr.GetCache().WaitForCacheSync(ctx) {
			close(ready)
		}
		return nil
	})); err != nil {
		return err
	}
	return mgr.Add(server)
}
