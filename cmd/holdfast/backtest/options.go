// Package backtest is the command holdfast backtest: it tries a plan on the
// rollouts that a Prometheus has recorded.
package backtest

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/resource"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/outbound"
)

const about = `holdfast backtest says what a plan would have decided about rollouts of the past.

It finds the rollouts of a Deployment in what a Prometheus has recorded, asks the
queries of the plan at the times at which they would have been asked, and judges
the answers as a live run does. It needs no cluster and changes nothing.

In the past there was no canary. In its stead stand the first pods of the
ReplicaSet that was rolled out, as many as the plan asks for: {{canary}} selects
the pods of that ReplicaSet, {{stable}} and {{baseline}} those of the ReplicaSets
before it. A rollout takes these away, so there is no data of them after it. And
the new pods took all of the traffic once it was complete, not a canary's share.

Exit code: 0 if rollouts were found and tried, 1 if something failed, 2 for a
wrong flag, 3 if no rollout was found.`

const examples = `  # every rollout of the last week, with a plot
  holdfast backtest --plan plan.yaml -n shop --deployment web \
    --prometheus-url http://localhost:9090 --from -7d --out web.html

  # one rollout that is known to have been bad
  holdfast backtest --plan plan.yaml -n shop --deployment web \
    --prometheus-url http://localhost:9090 --from -30d --rollout 2026-05-04T12:00:00Z

  # the plan of the cluster, for a program
  kubectl -n shop get canaryplan default -o yaml |
    holdfast backtest --plan - --deployment web --prometheus-endpoints endpoints.yaml -o json`

// Options are the flags of the command.
type Options struct {
	plan, namespace, deployment, service string
	from, to                             string
	rollouts                             []time.Time
	pods                                 string
	out, output                          string

	prometheusURL, prometheusEndpoints string
	timeout, scrapeInterval            time.Duration
	concurrency                        int
	namespaceLabel, podLabel           string
}

// AddFlags declares every flag; docs/reference/backtest.md is made from it.
func (o *Options) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.plan, "plan", "", "a file with a CanaryPlan, - for standard input")
	fs.StringVarP(&o.namespace, "namespace", "n", "", "the namespace of the Deployment; default: that of the plan")
	fs.StringVar(&o.deployment, "deployment", "", "the Deployment")
	fs.StringVar(&o.service, "service", "", "what {{service}} stands for; default: the name of the Deployment")

	fs.StringVar(&o.from, "from", "-7d", "look for rollouts from this time on: RFC 3339, or so long before now, such as -36h")
	fs.StringVar(&o.to, "to", "now", "look for rollouts up to this time: RFC 3339, so long before now, or now")
	fs.Func("rollout", "try the rollout nearest to this time (RFC 3339) alone; may be given several times", func(text string) error {
		at, err := time.Parse(time.RFC3339, text)
		o.rollouts = append(o.rollouts, at)
		return err
	})
	fs.StringVar(&o.pods, "pods", "",
		"a regular expression of the names of the Deployment's pods, which are REPLICASET-SUFFIX; default: names as Kubernetes makes them")

	fs.StringVar(&o.out, "out", "", "write a plot of values and ranges to this file, one page of HTML")
	fs.StringVarP(&o.output, "output", "o", "text", "what is printed: text or json")

	fs.StringVar(&o.prometheusURL, "prometheus-url", "", "the Prometheus to ask, for example http://localhost:9090")
	fs.StringVar(&o.prometheusEndpoints, "prometheus-endpoints", "",
		"a file that defines more of them, as holdfast takes it; the plan's spec.analysis.endpoint names the one that is asked")
	fs.DurationVar(&o.timeout, "prometheus-timeout", 30*time.Second, "the longest a query may take")
	fs.DurationVar(&o.scrapeInterval, "prometheus-scrape-interval", endpoint.DefaultScrapeInterval,
		"how often --prometheus-url scrapes pods; rollouts are found to this precision")
	fs.IntVar(&o.concurrency, "prometheus-concurrency", 4, "how many queries may be under way at once")
	fs.StringVar(&o.namespaceLabel, "namespace-label", "namespace", "the label of series that names a pod's namespace")
	fs.StringVar(&o.podLabel, "pod-label", "pod", "the label of series that names a pod")
}

// Validate says which flag is wrong, and how it should be.
func (o *Options) Validate() error {
	switch {
	case o.plan == "":
		return errors.New("--plan is missing: a file with a CanaryPlan, or - for standard input")
	case o.deployment == "":
		return errors.New("--deployment is missing: the Deployment whose rollouts are looked for")
	case o.prometheusURL == "" && o.prometheusEndpoints == "":
		return errors.New("no Prometheus to ask: give --prometheus-url, or --prometheus-endpoints")
	case o.output != "text" && o.output != "json":
		return fmt.Errorf("-o is %q; it must be text or json", o.output)
	case o.timeout < 100*time.Millisecond || o.concurrency < 1:
		return errors.New("--prometheus-timeout must be at least 100ms, and --prometheus-concurrency at least 1")
	case o.scrapeInterval < time.Second:
		return fmt.Errorf("--prometheus-scrape-interval is %s; it must be at least 1s", o.scrapeInterval)
	}
	if o.prometheusURL != "" {
		if errs := endpoint.ValidateURL(o.prometheusURL, nil); len(errs) > 0 {
			return fmt.Errorf("--prometheus-url %s", errs[0].ErrorBody())
		}
	}
	if _, err := regexp.Compile(o.pods); err != nil {
		return fmt.Errorf("--pods: %w", err)
	}
	return nil
}

// maxResponse is for what was recorded of many pods at once.
const maxResponse = 32 << 20 // bytes

// fallback is the endpoint that the flags define.
func (o *Options) fallback() endpoint.Definition {
	e := endpoint.Definition{Target: outbound.Target{URL: o.prometheusURL}, Labels: endpoint.PodLabels{Namespace: o.namespaceLabel, Pod: o.podLabel}}
	e.ScrapeInterval.Duration = o.scrapeInterval
	e.AllowAddresses = []string{"127.0.0.0/8", "::1"} // whoever runs the command is on this machine
	e.Limits.Timeout.Duration = o.timeout
	e.Limits.Concurrency = o.concurrency
	e.Limits.MaxResponse = *resource.NewQuantity(maxResponse, resource.BinarySI)
	return e
}

// times are --from and --to.
func (o *Options) times(now time.Time) (from, to time.Time, err error) {
	if from, err = parseTime(o.from, now); err != nil {
		return from, to, fmt.Errorf("--from %w", err)
	}
	if to, err = parseTime(o.to, now); err != nil {
		return from, to, fmt.Errorf("--to %w", err)
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("--from %s is not before --to %s", o.from, o.to)
	}
	if to.After(now) {
		to = now
	}
	return from, to, nil
}

// parseTime reads RFC 3339, "now", or how long before now.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if back, ok := strings.CutPrefix(text, "-"); ok {
		d, err := model.ParseDuration(back)
		if err != nil {
			return time.Time{}, fmt.Errorf("is %q: %w", text, err)
		}
		return now.Add(-time.Duration(d)), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("is %q; it must be like 2026-05-04T12:00:00Z, or like -7d", text)
	}
	return at, nil
}

// The names that Kubernetes makes have no vowels and no 0, 1 and 3 (source:
// k8s.io/apimachinery/pkg/util/rand), which tells most of them from others.
const letters = "[bcdfghjklmnpqrstvwxz2456789]"

// podPattern is the regular expression of the names of the Deployment's pods.
func (o *Options) podPattern() string {
	if o.pods != "" {
		return o.pods
	}
	const hash, random = letters + "{1,10}", letters + "{5}"
	whole := regexp.QuoteMeta(o.deployment) + "-"
	if !maybeCut(o.deployment) {
		return whole + hash + "-" + random
	}
	left := cutAt - len(o.deployment) - 1 // of the hash
	if left < 0 {
		return regexp.QuoteMeta(o.deployment[:cutAt]) + random
	}
	return "(?:" + whole + hash + "-|" + whole + letters + "{" + strconv.Itoa(left) + "})" + random
}

// cutAt is where the API server cuts the name of a ReplicaSet, with a dash behind it,
// to make names of pods.
const cutAt = 58

// maybeCut says whether the names of the ReplicaSets of a Deployment may be too long.
func maybeCut(deployment string) bool { return len(deployment)+len("-0123456789-") > cutAt }

// setPattern is that of the names of its ReplicaSets.
func (o *Options) setPattern() *regexp.Regexp {
	if o.pods != "" {
		return regexp.MustCompile("")
	}
	return regexp.MustCompile("^" + regexp.QuoteMeta(o.deployment) + "-" + letters + "{1,10}$")
}
