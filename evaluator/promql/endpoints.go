package promql

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/plaintext"
)

// ErrUnknown is wrapped by the error about an endpoint that a plan may not name,
// because there is none of that name or because it is not for its namespace.
var ErrUnknown = errors.New("unknown Prometheus endpoint")

// rereadInterval is how often the files are looked at, and what was kept of
// answers. The kubelet takes about a minute to bring a change to a mounted file.
const rereadInterval = 10 * time.Second

// Endpoints are the Prometheus servers that plans may name. It is safe for use
// by several goroutines.
type Endpoints struct {
	path     string
	fallback endpoint.Definition
	metrics  *Metrics
	clock    clock.WithTicker

	mu      sync.RWMutex
	clients map[string]*Client
	prints  map[string]string
}

// Open makes the clients of the endpoints in a file, with every mistake of it in
// the error. Without a file (path "") there is one, fallback, which is also what
// plans get that name none, unless the file defines an endpoint "default". Labels that an
// endpoint does not give are those of fallback; addresses that fallback denies are denied to all.
func Open(path string, fallback endpoint.Definition, metrics *Metrics, now clock.WithTicker) (*Endpoints, error) {
	fallback.Name = endpoint.Default
	fallback.SetDefaults(endpoint.PodLabels{})
	e := &Endpoints{path: path, fallback: fallback, metrics: metrics, clock: now, clients: map[string]*Client{}, prints: map[string]string{}}
	return e, e.Reread()
}

// Reread looks at the files anew and makes the clients of endpoints anew that
// changed. On an error everything stays as it was.
func (e *Endpoints) Reread() error {
	defined, err := e.read()
	if err != nil {
		return err
	}
	clients, prints := map[string]*Client{}, map[string]string{}
	var problems []error
	for _, each := range defined {
		print := fingerprint(each)
		if prints[each.Name] = print; e.prints[each.Name] == print && e.clients[each.Name] != nil {
			clients[each.Name] = e.clients[each.Name]
			continue
		}
		if clients[each.Name], err = New(each, e.metrics, e.clock); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	e.replace(clients, prints)
	return nil
}

func (e *Endpoints) replace(clients map[string]*Client, prints map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for name, old := range e.clients {
		if clients[name] == nil {
			e.metrics.end(name)
		}
		if clients[name] != old {
			old.Close()
		}
	}
	e.clients, e.prints = clients, prints
}

func (e *Endpoints) read() ([]endpoint.Definition, error) {
	if e.path == "" {
		return []endpoint.Definition{e.fallback}, nil
	}
	text, err := os.ReadFile(e.path)
	if err != nil {
		return nil, fmt.Errorf("file of Prometheus endpoints: %w", err)
	}
	defined, mistakes := endpoint.Parse(text, e.fallback.Labels)
	if len(mistakes) > 0 {
		return nil, fmt.Errorf("file of Prometheus endpoints %s: %w", e.path, mistakes.ToAggregate())
	}
	for i := range defined {
		defined[i].DenyAddresses = append(defined[i].DenyAddresses, e.fallback.DenyAddresses...)
	}
	named := slices.ContainsFunc(defined, func(d endpoint.Definition) bool { return d.Name == endpoint.Default })
	switch {
	case !named:
		defined = append(defined, e.fallback)
	case e.fallback.URL != "":
		return nil, fmt.Errorf("file of Prometheus endpoints %s: it defines endpoint %q, and so does --prometheus-url; leave one of the two out", e.path, endpoint.Default)
	}
	return defined, nil
}

// fingerprint changes with all that a client is made from. Credentials are read
// for each query and are no part of it.
func fingerprint(e endpoint.Definition) string {
	sum := sha256.New()
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // it came from JSON
	}
	_, _ = sum.Write(text)
	for _, name := range e.TLS.Files() {
		content, err := os.ReadFile(name)
		fmt.Fprintf(sum, "|%d %v|%s", len(content), err, content)
	}
	return string(sum.Sum(nil))
}

// Find returns the endpoint that a plan of a namespace names, "" being the
// default, as that namespace may ask it. The error names those that it may name.
func (e *Endpoints) Find(namespace, name string, demanded ...string) (*View, error) {
	if name == "" {
		name = endpoint.Default
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if c := e.clients[name]; c != nil && c.endpoint.Serves(namespace) {
		return c.View(namespace, demanded...)
	}
	return nil, fmt.Errorf("%w %q: plans of namespace %q may name %s; the administrator defines them in the file of --prometheus-endpoints",
		ErrUnknown, plaintext.Line(name, 80), namespace, strings.Join(e.namesFor(namespace), ", "))
}

// namesFor lists what the plans of a namespace may name, never nothing.
func (e *Endpoints) namesFor(namespace string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(e.clients)) {
		if e.clients[name].endpoint.Serves(namespace) {
			names = append(names, name)
		}
	}
	if names == nil {
		return []string{"none"}
	}
	return names
}

// Endpoint returns the settings of an endpoint that a plan of a namespace names.
func (e *Endpoints) Endpoint(namespace, name string) (endpoint.Definition, error) {
	v, err := e.Find(namespace, name)
	if err != nil {
		return endpoint.Definition{}, err
	}
	return v.Endpoint(), nil
}

// Start looks at the files until ctx ends. A mistake is logged, once for as long
// as it is the same, and what was there before stays in use. Endpoints that are
// not asked any more let go of what they kept; of others it is measured how old
// their samples are.
func (e *Endpoints) Start(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("endpoints")
	ticker := e.clock.NewTicker(rereadInterval)
	defer ticker.Stop()
	told := ""
	var measuring sync.WaitGroup
	defer measuring.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
		e.forget()
		e.measureSampleAges(ctx, &measuring)
		err := e.Reread()
		if err == nil {
			told = ""
		} else if err.Error() != told {
			told = err.Error()
			log.Error(err, "endpoints of Prometheus not reread, those of before stay")
		}
	}
}

func (e *Endpoints) forget() {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, c := range e.clients {
		c.shared.forget()
	}
}

// measureSampleAges measures those of the endpoints that are due, each in a goroutine of its own.
func (e *Endpoints) measureSampleAges(ctx context.Context, measuring *sync.WaitGroup) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	for _, c := range e.clients {
		measuring.Go(func() { c.MeasureSampleAge(ctx) })
	}
}

// NeedLeaderElection says that every replica runs it: all of them answer
// admission requests for plans, and any may become the leader.
func (e *Endpoints) NeedLeaderElection() bool { return false }
