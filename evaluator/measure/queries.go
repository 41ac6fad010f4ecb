package measure

import (
	"sync"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// knownQueries is how much of each kind is remembered of queries, in bytes of text. Tenants choose them.
const knownQueries = 2 << 20

// Queries measures, and remembers what queries were read and rendered to: the runs of a plan have it in
// common, round for round. Its zero value remembers nothing yet. It is safe for use by several goroutines.
type Queries struct {
	templates memo[templateKey, query.Template]
	cuts      memo[renderKey, cut]
	rendered  memo[renderKey, rendered]
}

// memo is what was worked out of some keys.
type memo[K comparable, V any] struct {
	mu   sync.Mutex
	of   map[K]V
	size int
}

// get returns what there is of a key, or works it out. Errors are not remembered.
func (k *memo[K, V]) get(key K, work func() (V, error), size func(V) int) (V, error) {
	k.mu.Lock()
	out, ok := k.of[key]
	k.mu.Unlock()
	if ok {
		return out, nil
	}
	out, err := work()
	if err != nil {
		return out, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.size += size(out); k.size > knownQueries || k.of == nil {
		k.of, k.size = map[K]V{}, size(out) // what is still asked comes back
	}
	k.of[key] = out
	return out, nil
}

// templateKey is all that the query of a metric follows from.
type templateKey struct {
	query, expect, statusLabel, podLabel, metricPodLabel string
	source                                               v1alpha1.Source
	per                                                  v1alpha1.Per
	isList                                               bool
}

// renderKey is all that a rendered query follows from, but for the names of pods.
type renderKey struct {
	templateKey
	hasMax                               bool
	window, interval, age, scrape        time.Duration
	namespace, deployment, service       string
	namespaceLabel                       string
	asksCanary, asksBaseline, asksStable bool
}

// keySize is about what a key and its place in a map take, without its texts.
const keySize = 400

func (k renderKey) size() int {
	return keySize + len(k.query) + len(k.namespace) + len(k.deployment) + len(k.service)
}

// keyOfTemplate is no key for a metric whose query is another one each time, or none.
func keyOfTemplate(m v1alpha1.Metric, podLabel string) (templateKey, bool) {
	return templateKey{
		query: m.Query, expect: m.Expect, statusLabel: m.StatusLabel, podLabel: podLabel, metricPodLabel: m.PodLabel,
		source: m.Source, per: m.Per, isList: m.List != nil,
	}, m.Alerts == nil && m.Labels == nil && m.Compare == nil
}

// template is query.TemplateOf.
func (q *Queries) template(m v1alpha1.Metric, podLabel string) (query.Template, error) {
	work := func() (query.Template, error) { return query.TemplateOf(m, podLabel) }
	key, ok := keyOfTemplate(m, podLabel)
	if !ok {
		return work()
	}
	return q.templates.get(key, work, func(t query.Template) int { return keySize + 4*len(t.String()) })
}

// cut is where the age of a canary ceases to matter.
type cut struct{ age time.Duration }

// render renders the query of a metric. The runs of a plan share what it comes to, and each puts the names of
// its pods in.
func (q *Queries) render(m v1alpha1.Metric, template query.Template, values query.Values, scrape time.Duration) (rendered, error) {
	alone := func() (rendered, error) { return renderQuery(m, template, values, scrape) }
	key, ok := keyOfTemplate(m, values.Labels.Pod)
	shared, names, isShared := values.Anonymous()
	if !ok || !isShared || !template.MayStand() {
		return alone()
	}
	of := renderKey{
		templateKey: key, hasMax: m.Range.Max != nil, window: values.Window, interval: values.Interval, scrape: scrape,
		namespace: values.Namespace, namespaceLabel: values.Labels.Namespace,
		asksCanary: len(values.Canary) > 0, asksBaseline: len(values.Baseline) > 0, asksStable: len(values.Stable) > 0,
	}
	if template.Uses(query.Deployment) {
		of.deployment = values.Deployment
	}
	if template.Uses(query.Service) {
		of.service = values.Service
	}
	whole, err := q.cuts.get(of, func() (cut, error) {
		return cut{max(shared.Window, template.LongestCut(shared))}, nil
	}, func(cut) int { return of.size() })
	if err != nil {
		return rendered{}, err
	}
	shared.Age = min(values.Age, whole.age)
	of.age = shared.Age
	out, err := q.rendered.get(of, func() (rendered, error) {
		return renderQuery(m, template, shared, scrape)
	}, func(r rendered) int { return of.size() + len(r.text) + len(r.beyond) })
	if err != nil {
		return alone() // whose error names what the user knows
	}
	text, ok1 := names.Put(out.text)
	beyond, ok2 := names.Put(out.beyond)
	if !ok1 || !ok2 {
		return alone()
	}
	out.text, out.beyond = text, beyond
	return out, nil
}
