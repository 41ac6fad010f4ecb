package app

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func parse(t *testing.T, args ...string) Options {
	t.Helper()
	var o Options
	fs := pflag.NewFlagSet("holdfast", pflag.ContinueOnError)
	o.AddFlags(fs)
	if err := fs.Parse(append([]string{"--namespace=holdfast-system"}, args...)); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestValidate(t *testing.T) {
	for name, tc := range map[string]struct{ arg, want string }{
		"nothing":              {"--pod-label=pod", ""},
		"a Prometheus":         {"--prometheus-url=http://prometheus:9090", ""},
		"no URL":               {"--prometheus-url=prometheus:9090", `--prometheus-url Invalid value: "prometheus:9090": must be like https://`},
		"a password":           {"--prometheus-url=http://u:secret@prometheus", "--prometheus-url"},
		"no scrape interval":   {"--prometheus-scrape-interval=1ms", "--prometheus-scrape-interval is 1ms; it must be at least 1s"},
		"no query ever":        {"--prometheus-concurrency=0", "--prometheus-concurrency at least 1"},
		"no label":             {"--prometheus-tenancy-label=a b", `--prometheus-tenancy-label: label "a b" must be the name of a label`},
		"no address":           {"--prometheus-allow-addresses=10.0.0.1,localhost", `--prometheus-allow-addresses Invalid value: "localhost": must be an address`},
		"addresses":            {"--prometheus-deny-addresses=10.0.0.1, 10.1.0.0/16", ""},
		"a name without a CA":  {"--client-name=apiserver", "it needs --client-ca-file"},
		"a lease that is none": {"--lease-duration=1s", "--lease-duration is 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			o := parse(t, tc.arg)
			err := o.Validate()
			if (err == nil) != (tc.want == "") || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestTheFlagsAreAnEndpoint(t *testing.T) {
	o := parse(t, "--prometheus-url=http://p", "--pod-label=pod_name", "--prometheus-timeout=3s", "--prometheus-concurrency=2", "--prometheus-scrape-interval=1m",
		"--prometheus-tenancy-label=ns", "--prometheus-allow-addresses=127.0.0.1,::1", "--prometheus-deny-addresses=10.0.0.0/8")
	e := o.prometheus()
	if e.URL != "http://p" || e.Labels.Pod != "pod_name" || e.Labels.Namespace != "namespace" || e.Limits.Timeout.Duration != 3*time.Second ||
		e.Limits.Concurrency != 2 || e.ScrapeInterval.Duration != time.Minute ||
		e.Tenancy.Label != "ns" || len(e.AllowAddresses) != 2 || len(e.DenyAddresses) != 1 {
		t.Errorf("got %+v", e)
	}
}

func TestNamespacesThatAreNeverGuarded(t *testing.T) {
	for arg, want := range map[string]string{
		"--pod-label=pod": "kube-system holdfast-system", "--excluded-namespaces=": "holdfast-system",
		"--excluded-namespaces=a, b": "a b holdfast-system",
	} {
		o := parse(t, arg)
		if got := strings.Join(o.unguarded(), " "); got != want {
			t.Errorf("%s: got %s, want %s", arg, got, want)
		}
	}
}
