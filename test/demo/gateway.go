package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// behindAGateway goes on in a namespace whose requests come by a route that a real gateway follows.
func (s *story) behindAGateway(ctx context.Context) error {
	s.say("installing Traefik; the first time it is compiled, which takes some minutes")
	if err := s.cluster.Traefik(ctx, s.out); err != nil {
		return err
	}
	s.namespace, s.folder = "gateway", filepath.Join(filepath.Dir(s.folder), "gateway")
	for _, file := range []string{"namespace.yaml", "plan.yaml", "web-v1.yaml", "route.yaml"} {
		if _, err := s.apply(ctx, file); err != nil {
			return err
		}
	}
	var err error
	if s.asker, err = s.newAsker(); err != nil {
		return err
	}
	if err := s.awaitRollout(ctx, "web"); err != nil {
		return err
	}
	if err := s.awaitGuarded(ctx); err != nil {
		return err
	}
	s.remember("v1 is behind a gateway")
	return s.check(ctx, claim{"the gateway answers with v1", s.answers("v1")})
}

// shares are those of the plan, in percent, and how many requests are counted for each.
var shares = []struct{ percent, requests int }{{5, 2000}, {20, 1000}, {50, 1000}}

// growingShare has a canary its share by weights on the route, which a person lets grow.
func (s *story) growingShare(ctx context.Context) error {
	before, err := s.route(ctx)
	if err != nil {
		return err
	}
	stop := s.asker.load(ctx)
	defer stop()
	run, err := s.update(ctx, "v2")
	if err != nil {
		return err
	}
	for i, share := range shares {
		if err := s.until(ctx, s.waitsAt(run, int32(i+1))); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
		if err := s.until(ctx, s.answers("v2")); err != nil { // a gateway says that it has taken a route before it goes by it
			return err
		}
		if err := s.measure(ctx, share.percent, share.requests); err != nil {
			return err
		}
		if err := s.approve(ctx, run, i+1); err != nil {
			return err
		}
	}
	if err := s.until(ctx, s.isOver(run, v1alpha1.PhaseReleased)); err != nil {
		return err
	}
	s.remember(run + " Released")
	return s.check(ctx,
		claim{"the Deployment runs v2, with no record on it", s.runs("v2")},
		claim{"the route is what it was", s.routeIs(before)},
		claim{"nothing of the canary is left", s.noCanary},
	)
}

// measure counts who answers, and says the share beside the one that is asked for.
func (s *story) measure(ctx context.Context, percent, requests int) error {
	counts := s.asker.count(ctx, requests)
	share, got := float64(percent)/100, float64(counts["v2"])/float64(requests)
	s.say("asked for %2d %%, measured %4.1f %%: %d of %d requests went to the canary, %d failed", percent, 100*got, counts["v2"], requests, counts[""])
	s.remember(fmt.Sprintf("%d %% asked for, %.1f %% measured", percent, 100*got))
	if counts[""] > 0 || math.Abs(got-share) > 4*math.Sqrt(share*(1-share)/float64(requests)) { // four times what chance moves it by
		return fmt.Errorf("at %d %% the requests were answered by %v", percent, counts)
	}
	return nil
}

func (s *story) approve(ctx context.Context, run string, steps int) error {
	patch := fmt.Sprintf(`{"spec":{"approvedSteps":%d}}`, steps)
	s.typed(fmt.Sprintf("kubectl -n %s patch canaryrun %s --type=merge -p '%s'", s.namespace, run, patch))
	result, err := s.cluster.Kubectl(ctx, "", "-n", s.namespace, "patch", "canaryrun", run, "--type=merge", "-p", patch)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("approve step %d of run %s: %s", steps, run, result.Stderr)
	}
	return err
}

// takenOff has a bad canary, and measures how soon nobody reaches it any more.
func (s *story) takenOff(ctx context.Context) error {
	before, err := s.route(ctx)
	if err != nil {
		return err
	}
	stop := s.asker.load(ctx)
	defer stop()
	run, err := s.update(ctx, "v3")
	if err != nil {
		return err
	}
	if err := s.until(ctx, s.answers("v3")); err != nil {
		return err
	}
	verdict, off, err := s.watchShare(ctx, run)
	if err != nil {
		return err
	}
	if err := s.until(ctx, s.isOver(run, v1alpha1.PhaseReverted)); err != nil {
		return err
	}
	last := s.asker.last("v3")
	s.say("the verdict is bad; its share is off the route %.1fs later, and its last request is answered after %.1fs",
		off.Sub(verdict).Seconds(), max(last.Sub(verdict), 0).Seconds())
	s.remember(fmt.Sprintf("v3 found bad, its share off after %.1fs", off.Sub(verdict).Seconds()))
	if most := time.Second; off.Sub(verdict) > most {
		return fmt.Errorf("the share is off after %s, which is more than %s", off.Sub(verdict), most)
	}
	return s.check(ctx,
		claim{"the Deployment runs v2, with no record on it", s.runs("v2")},
		claim{"the route is what it was", s.routeIs(before)},
		claim{"nothing of the canary is left", s.noCanary},
	)
}

// watchShare says when the verdict of a run is bad, and when its share is off the route.
func (s *story) watchShare(ctx context.Context, run string) (verdict, off time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for off.IsZero() {
		route, err := s.route(ctx)
		if err != nil {
			return verdict, off, err
		}
		seen := time.Now()
		if verdict.IsZero() {
			r, err := s.canaryRun(ctx, run)
			if err != nil {
				return verdict, off, err
			}
			if r.Status.Verdict == v1alpha1.VerdictFail {
				verdict = time.Now()
			}
		} else if route.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" {
			off = seen
		}
		select {
		case <-ctx.Done():
			return verdict, off, fmt.Errorf("run %s is not found bad: %w", run, ctx.Err())
		case <-tick.C:
		}
	}
	return verdict, off, nil
}

func (s *story) canaryRun(ctx context.Context, name string) (*v1alpha1.CanaryRun, error) {
	var run v1alpha1.CanaryRun
	err := s.client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &run)
	return &run, err
}

// waitsAt: the run has shown what it had to in this step, and waits to be let go on.
func (s *story) waitsAt(name string, step int32) condition {
	return func(ctx context.Context) error {
		run, err := s.canaryRun(ctx, name)
		if err != nil {
			return err
		}
		if run.Status.Step == nil || run.Status.Step.Number != step || run.Status.Reason != v1alpha1.ReasonApproval {
			return fmt.Errorf("it is %s: %s", run.Status.Phase, run.Status.Message)
		}
		return nil
	}
}

func (s *story) isOver(name string, phase v1alpha1.Phase) condition {
	return func(ctx context.Context) error {
		run, err := s.canaryRun(ctx, name)
		if err == nil && run.Status.Phase != phase {
			err = fmt.Errorf("run %s is %s (%s)", name, run.Status.Phase, run.Status.Message)
		}
		return err
	}
}

func (s *story) route(ctx context.Context) (*unstructured.Unstructured, error) {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "HTTPRoute"})
	err := s.client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: "web"}, out)
	return out, err
}

func (s *story) routeIs(before *unstructured.Unstructured) condition {
	asked := func(o *unstructured.Unstructured) string { return fmt.Sprint(o.Object["spec"], o.GetAnnotations()) }
	return func(ctx context.Context) error {
		now, err := s.route(ctx)
		if err == nil && asked(now) != asked(before) {
			err = fmt.Errorf("it is %s, and was %s", asked(now), asked(before))
		}
		return err
	}
}

// answers: the gateway has somebody of this version answer.
func (s *story) answers(version string) condition {
	return func(ctx context.Context) error {
		if counts := s.asker.count(ctx, 100); counts[version] == 0 {
			return fmt.Errorf("100 requests are answered by %v", counts)
		}
		return nil
	}
}

// asker sends requests to the gateway, by way of the API server.
type asker struct {
	client *http.Client
	url    string

	mu       sync.Mutex
	answered map[string]time.Time // when a version has last answered
}

func (s *story) newAsker() (*asker, error) {
	config, err := s.cluster.RESTConfig()
	if err != nil {
		return nil, err
	}
	asking, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &asker{client: asking, url: config.Host + "/api/v1/namespaces/traefik/services/traefik:web/proxy/", answered: map[string]time.Time{}}, nil
}

// ask returns the version that answers a request, "" where it fails.
func (a *asker) ask(ctx context.Context) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return ""
	}
	answer, err := a.client.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	version := answer.Header.Get("X-App-Version")
	a.mu.Lock()
	a.answered[version] = time.Now()
	a.mu.Unlock()
	if err != nil || answer.StatusCode != http.StatusOK && version != "v3" { // that fails now and then, and answers
		return ""
	}
	return version
}

func (a *asker) last(version string) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.answered[version]
}

// count sends n requests, four at a time, and counts the versions that answer.
func (a *asker) count(ctx context.Context, n int) map[string]int {
	counts := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range n / 4 {
				version := a.ask(ctx)
				mu.Lock()
				counts[version]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

// load sends a hundred requests a second until it is stopped.
func (a *asker) load(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				a.ask(ctx)
			}
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}
