package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
)

// storm is a namespace that is enabled and one that is required, with the same
// Deployments in both and a client for each.
type storm struct {
	cluster *cluster.Cluster
	client  client.Client
	targets []target
	ledger  ledger
	runs    *runs
	images  atomic.Int64 // how many were asked for
	stop    context.CancelFunc
	senders sync.WaitGroup
}

const (
	holdfastNamespace = "holdfast-system"
	firstImage        = "holdfast.test/app:c0"
	// period is that of the plan: no verdict is good before it is over.
	period = 3 * time.Second
)

var plan = fmt.Sprintf(`
apiVersion: holdfast.dev/v1alpha1
kind: CanaryPlan
metadata: {name: default}
spec:
  readyDeadline: 2m
  onInconclusive: Revert
  analysis:
    interval: 1s
    period: %s
    errorLimit: 60
    noDataLimit: 60
    metrics:
    - {name: nothing-is-wrong, query: vector(0), range: {max: 0}}
`, period)

// app keeps all its revisions: what has ever run is read from them. A rollout that
// crashes, since it passed ungated, is soon not waited for any more.
const app = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: %s}
spec:
  replicas: 2
  revisionHistoryLimit: 10000
  progressDeadlineSeconds: 30
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: app
        image: %s
        args: []
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`

// prepare fills the storm and starts the clients.
func prepare(ctx context.Context, c *cluster.Cluster, o choices) (*storm, error) {
	s := &storm{cluster: c}
	var err error
	if s.client, err = stage.Client(c); err != nil {
		return nil, err
	}
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	for _, guard := range []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired} {
		if err := s.settleIn(ctx, guard, o.deployments); err != nil {
			return nil, fmt.Errorf("prepare namespace %s: %w", guard, err)
		}
	}
	sending, stop := context.WithCancel(ctx)
	s.stop = stop
	if s.runs, err = watchRuns(sending, config, s.client.Scheme()); err != nil {
		return nil, err
	}
	for i, t := range s.targets {
		if err := s.startSender(sending, t, rand.New(rand.NewPCG(o.seed, uint64(i)))); err != nil { //nolint:gosec // seeded on purpose
			return nil, err
		}
	}
	return s, nil
}

// settleIn makes a guarded namespace and waits until its Deployments are available.
func (s *storm) settleIn(ctx context.Context, guard string, deployments int) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "chaos-" + guard + "-", Annotations: map[string]string{v1alpha1.CanaryAnnotation: guard}}}
	if err := s.client.Create(ctx, ns); err != nil {
		return err
	}
	manifest := plan
	for i := range deployments {
		t := target{ns.Name, fmt.Sprintf("web-%d", i)}
		s.targets = append(s.targets, t)
		manifest += "---" + fmt.Sprintf(app, t.name, firstImage)
	}
	if err := stage.Kubectl(ctx, s.cluster, manifest, "-n", ns.Name, "apply", "-f", "-"); err != nil {
		return err
	}
	if err := stage.Kubectl(ctx, s.cluster, "", "-n", ns.Name, "wait", "--for=condition=Available", "--timeout=2m", "deployment", "--all"); err != nil {
		return err
	}
	return s.awaitGuarded(ctx, ns.Name)
}

// awaitGuarded waits until the API server calls the webhook: until a dry run of a
// new template says that it would be held.
func (s *storm) awaitGuarded(ctx context.Context, namespace string) error {
	return poll(ctx, time.Minute, "namespace "+namespace+" is guarded", func() (bool, error) {
		d := &appsv1.Deployment{}
		d.Namespace, d.Name = namespace, "web-0"
		patch := client.RawPatch("application/strategic-merge-patch+json", []byte(template("holdfast.test/app:dry", nil)))
		err := s.client.Patch(ctx, d, patch, client.DryRunAll)
		return err == nil && d.Annotations[v1alpha1.HeldAnnotation] != "", nil
	})
}

func (s *storm) startSender(ctx context.Context, t target, random *rand.Rand) error {
	sender := &sender{storm: s, target: t, random: random}
	config, err := s.cluster.RESTConfig()
	if err != nil {
		return err
	}
	config.WarningHandler = sender
	if sender.client, err = client.New(config, client.Options{Scheme: s.client.Scheme()}); err != nil {
		return err
	}
	s.senders.Go(func() { sender.send(ctx) })
	return nil
}

// injectAll injects one fault after the other.
func (s *storm) injectAll(ctx context.Context, out io.Writer, chosen []fault, pause time.Duration) error {
	began := time.Now()
	for _, f := range chosen {
		if err := wait(ctx, pause); err != nil {
			return err
		}
		fmt.Fprintf(out, "%6.1fs  %s\n", time.Since(began).Seconds(), f.name)
		s.ledger.begin(f.name)
		err := f.inject(ctx, s)
		if err == nil {
			err = s.awaitHealthy(ctx)
		}
		s.ledger.begin("")
		if err != nil {
			return fmt.Errorf("fault %q: %w", f.name, err)
		}
	}
	return wait(ctx, pause)
}

// close deletes the namespaces.
func (s *storm) close(ctx context.Context) {
	s.stop()
	s.senders.Wait()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, namespace := range s.namespaces() {
		_ = s.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	}
}

func (s *storm) namespaces() []string {
	var all []string
	for _, t := range s.targets {
		all = append(all, t.namespace)
	}
	return distinct(all)
}

// poll asks again and again until it is so.
func poll(ctx context.Context, patience time.Duration, what string, so func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for {
		ok, err := so()
		if err != nil || ok {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s in vain until %s", patience, what)
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
