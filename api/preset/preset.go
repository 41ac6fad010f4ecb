package preset

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Request is what a built-in query asks for.
type Request struct {
	Source v1alpha1.Source
	// Pods is whose requests are meant, by the name of a placeholder: "canary",
	// "stable" or "baseline".
	Pods string
	// By is the label that names a pod, to have a series for each; "" for one
	// series of them all. Only sources that tell pods apart can do it.
	By string
}

// Success is a query for the share of requests that succeed, from 0 to 1.
func (r Request) Success() (string, error) {
	s, err := r.source()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("1 - (\n  %s\n  or 0 * %s\n) / (%s > 0)",
		s.counted(r, s.failed), r.sum("", s.each(s.requests, nil, "%s")), s.counted(r, nil)), nil
}

// Duration is a query for a quantile, between 0 and 1, of how long requests
// take, in seconds.
func (r Request) Duration(quantile float64) (string, error) {
	s, err := r.source()
	if err != nil {
		return "", err
	}
	value := s.quantile(r, quantile)
	if s.millis {
		value += " / 1000"
	}
	return fmt.Sprintf("%s\nand on (%s) (%s > 0)", value, r.By, s.observed(r)), nil
}

// Sources are the sources that have built-in queries, in order of their names.
func Sources() []v1alpha1.Source { return slices.Sorted(maps.Keys(sources)) }

// TellsPods says whether a source measures each pod by itself. One that does
// not can only say how all the pods behind a Service are.
func TellsPods(s v1alpha1.Source) bool { return sources[s].about == "" }

// About says for people what a source measures where it cannot tell the pods of
// a Service apart, "" where it can.
func About(s v1alpha1.Source) string { return sources[s].about }

func (r Request) source() (source, error) {
	s, ok := sources[r.Source]
	if !ok {
		return source{}, fmt.Errorf("there are no built-in queries for source %q; known are %s", r.Source, joined(Sources()))
	}
	if s.about != "" && (r.By != "" || r.Pods != "canary") {
		return source{}, fmt.Errorf("%s measures %s and cannot tell them apart; write a query of your own on what the pods themselves measure", r.Source, s.about)
	}
	s.selectors = slices.Clone(s.selectors)
	for i, selector := range s.selectors {
		s.selectors[i] = strings.ReplaceAll(selector, "{{pods}}", "{{"+r.Pods+"}}")
	}
	return s, nil
}

// source is where the metrics of requests come from.
type source struct {
	// requests is the name of the counter of requests.
	requests string
	// durations is the name of the histogram of durations, without a suffix.
	durations string
	// millis says that durations are in milliseconds.
	millis bool
	// native says that durations may be a native histogram instead.
	native bool
	// selectors are the label matchers of a run's requests, {{pods}} standing
	// for those of its pods. Where there are several, a series that any of them
	// selects counts, once.
	selectors []string
	// failed are the matchers, beside those, of requests that failed; again any.
	failed []string
	// about is what is measured where pods cannot be told apart.
	about string
}

var sources = map[v1alpha1.Source]source{
	v1alpha1.SourcePrometheusClient: prometheusClient,
	v1alpha1.SourceIstio:            istio,
	v1alpha1.SourceLinkerd:          linkerd,
	v1alpha1.SourceNGINXIngress:     nginxIngress,
	v1alpha1.SourceEnvoyGateway:     envoyGateway,
	v1alpha1.SourceTraefik:          traefik,
}

// rates are the rates of the series of one name, with any of the matchers in
// and beside the source's own.
func (s source) rates(name string, and []string) string {
	return s.each(name, and, "rate(%s[{{window}}])")
}

// each are the same, each in a form that has %s where the selector stands.
func (s source) each(name string, and []string, form string) string {
	if len(and) == 0 {
		and = []string{""}
	}
	var out []string
	for _, selector := range s.selectors {
		for _, more := range and {
			if more != "" {
				more = ", " + more
			}
			out = append(out, fmt.Sprintf(form, fmt.Sprintf("%s{ %s%s }", name, selector, more)))
		}
	}
	return strings.Join(out, " or ")
}

// counted is how many requests there were in the window. increase(…) does not see
// the first increment of a series that is born at 1, as most series of failures
// are. A series that was not there at the beginning of the window has risen to what
// it is from 0, if its target was scraped then; if that was not, it may only have
// been found late, and what it has from before is not counted.
func (s source) counted(r Request, and []string) string {
	return r.sum("", fmt.Sprintf("\n    ((%s) unless (%s)) and on (job, instance) (%s)\n    or %s\n  ",
		s.each(s.requests, and, "%s"), s.each(s.requests, and, "%s offset {{window}}"), s.each(s.requests, nil, "%s offset {{window}}"),
		s.each(s.requests, and, "increase(%s[{{window}}])")))
}

// quantile is that of the durations, in the source's unit. Where it lies beyond
// the last finite bucket, histogram_quantile gives the end of that bucket, which
// is no longer than many a limit; here it is infinite.
func (s source) quantile(r Request, q float64) string {
	number := strconv.FormatFloat(q, 'g', -1, 64)
	buckets := s.durations + "_bucket"
	beyond := fmt.Sprintf("(max by (%s) (%s) < %s * %s)", r.By,
		r.sum("le", s.rates(buckets, []string{`le!="+Inf"`})), number, r.sum("", s.rates(buckets, []string{`le="+Inf"`})))
	value := fmt.Sprintf("(\n  histogram_quantile(%s, %s)\n  unless on (%s) %s\n  or %s * 0 + Inf", number,
		r.sum("le", s.rates(buckets, nil)), r.By, beyond, beyond)
	if s.native {
		value += fmt.Sprintf("\n  or histogram_quantile(%s, %s)", number, r.sum("", s.rates(s.durations, nil)))
	}
	return value + "\n)"
}

// observed is how many requests a second have a duration.
func (s source) observed(r Request) string {
	value := r.sum("", s.rates(s.durations+"_count", nil))
	if s.native {
		value = fmt.Sprintf("(%s or histogram_count(%s))", value, r.sum("", s.rates(s.durations, nil)))
	}
	return value
}

// sum adds up, by the label of the pods and one more.
func (r Request) sum(label, of string) string {
	var by []string
	for _, name := range []string{r.By, label} {
		if name != "" {
			by = append(by, name)
		}
	}
	if len(by) == 0 {
		return "sum(" + of + ")"
	}
	return "sum by (" + strings.Join(by, ", ") + ") (" + of + ")"
}

func joined(names []v1alpha1.Source) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = string(name)
	}
	return strings.Join(out, ", ")
}
