package preset

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/labelname"
)

// Question is what a built-in query asks for.
type Question struct {
	Source v1alpha1.Source
	// Pods is whose requests are meant, by the name of a placeholder: "canary",
	// "stable" or "baseline".
	Pods string
	// By is the label that names a pod, to have a series for each; "" for one
	// series of them all. Only sources that tell pods apart can do it.
	By string
	// StatusLabel is the label that says how a request ended, "" for the source's own.
	StatusLabel string
}

// Success is a query for how many requests there were, by the labels that say how
// they ended: Outcome tells of each series that it gives.
func (r Question) Success() (string, error) {
	s, err := r.source()
	if err != nil {
		return "", err
	}
	return s.counted(r), nil
}

// Examples is a query for a few of the series that Success counts, as they are:
// such as lack the labels that say how a request ended, and any.
func (r Question) Examples() (string, error) {
	s, err := r.source()
	if err != nil {
		return "", err
	}
	unsaid := unsaid(r.StatusLabels())
	return fmt.Sprintf("topk(%d, %s)\nor topk(%d, %s)",
		examples, s.each(s.requests, unsaid, "%s"), examples, s.each(s.requests, "", "%s")), nil
}

// unsaid are matchers of series that have none of some labels.
func unsaid(labels []string) string {
	out := make([]string, len(labels))
	for i, label := range labels {
		out[i] = labelname.Quoted(label) + `=""`
	}
	return strings.Join(out, ", ")
}

// examples is how many series of each kind are enough to know their labels by.
const examples = 5

// Duration is a query for a quantile, between 0 and 1, of how long requests
// take, in seconds.
func (r Question) Duration(quantile float64) (string, error) {
	s, err := r.source()
	if err != nil {
		return "", err
	}
	value := s.quantile(r, quantile)
	if s.millis {
		value += " / 1000"
	}
	value = fmt.Sprintf("%s\nand on (%s) (%s > 0)", value, r.by(), r.sum(nil, s.rates(s.durations+"_count", "")))
	if s.native { // without requests it is NaN, and histogram_count is not known everywhere
		value += fmt.Sprintf("\nor histogram_quantile(%s, %s) >= 0", number(quantile), r.sum(nil, s.rates(s.durations, "")))
	}
	return value, nil
}

// Sources are the sources that have built-in queries, in order of their names.
func Sources() []v1alpha1.Source { return slices.Sorted(maps.Keys(sources)) }

// TellsPods says whether a source measures each pod by itself. One that does
// not can only say how all the pods behind a Service are.
func TellsPods(s v1alpha1.Source) bool { return sources[s].about == "" }

// About says for people what a source measures where it cannot tell the pods of
// a Service apart, "" where it can.
func About(s v1alpha1.Source) string { return sources[s].about }

// NamesStatus says whether a plan may name the label by which requests of the
// source succeed or fail. The labels of proxies are their own.
func NamesStatus(s v1alpha1.Source) bool { return sources[s].named }

// Requests is the name of the metric that counts a source's requests.
func Requests(s v1alpha1.Source) string { return sources[s].requests }

func (r Question) source() (source, error) {
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
	// statuses are the labels that say how a request ended, the most telling first.
	statuses []status
	// named says that a plan may name another in place of the first of them.
	named bool
	// about is what is measured where pods cannot be told apart.
	about string
}

var sources = map[v1alpha1.Source]source{
	v1alpha1.SourcePrometheusClient: prometheusClient,
	v1alpha1.SourceIstio:            istio,
	v1alpha1.SourceLinkerd:          linkerd,
	v1alpha1.SourceProbe:            ofProbe,
	v1alpha1.SourceNGINXIngress:     nginxIngress,
	v1alpha1.SourceEnvoyGateway:     envoyGateway,
	v1alpha1.SourceTraefik:          traefik,
}

// rates are the rates of the series of one name, with the matchers in and
// beside the source's own.
func (s source) rates(name, and string) string {
	return s.each(name, and, "rate(%s[{{window}}])")
}

// each are the same, each in a form that has %s where the selector stands.
func (s source) each(name, and, form string) string {
	if and != "" {
		and = ", " + and
	}
	var out []string
	for _, selector := range s.selectors {
		out = append(out, fmt.Sprintf(form, fmt.Sprintf("%s{ %s%s }", name, selector, and)))
	}
	return strings.Join(out, " or ")
}

// counted is how many requests there were in the window. increase(…) does not see
// the first increment of a series that is born at 1, as most series of failures
// are. A series that was not there at the beginning of the window has risen to what
// it is from 0, if its target was scraped then; if that was not, it may only have
// been found late, and what it has from before is not counted.
func (s source) counted(r Question) string {
	now, before := s.each(s.requests, "", "%s"), s.each(s.requests, "", "%s offset {{window}}")
	return r.sum(r.StatusLabels(), fmt.Sprintf("\n  ((%s) unless (%s)) and on (job, instance) (%s)\n  or %s\n",
		now, before, before, s.each(s.requests, "", "increase(%s[{{window}}])")))
}

// quantile is that of the durations, in the source's unit. Where it lies beyond
// the last finite bucket, histogram_quantile gives the end of that bucket, which
// is no longer than many a limit; here it is infinite. A request that was counted
// and is in no bucket, because buckets were dropped or renamed, may have taken any time.
func (s source) quantile(r Question, q float64) string {
	buckets := s.durations + "_bucket"
	beyond := fmt.Sprintf("(max by (%s) (%s) < %s * %s)", r.by(),
		r.sum(le, s.rates(buckets, `le!="+Inf"`)), number(q), r.sum(nil, s.rates(s.durations+"_count", "")))
	return fmt.Sprintf("(\n  histogram_quantile(%s, %s)\n  unless on (%s) %s\n  or %s * 0 + Inf\n)", number(q),
		r.sum(le, s.rates(buckets, "")), r.by(), beyond, beyond)
}

func number(q float64) string { return strconv.FormatFloat(q, 'g', -1, 64) }

var le = []string{"le"}

// by is the label of the pods as it stands in a query, "" for none.
func (r Question) by() string {
	if r.By == "" {
		return ""
	}
	return labelname.Quoted(r.By)
}

// sum adds up, by the label of the pods and more.
func (r Question) sum(by []string, of string) string {
	if r.By != "" {
		by = append([]string{r.By}, by...)
	}
	if len(by) == 0 {
		return "sum(" + of + ")"
	}
	return "sum by (" + labelname.List(by...) + ") (" + of + ")"
}

func joined(names []v1alpha1.Source) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = string(name)
	}
	return strings.Join(out, ", ")
}
