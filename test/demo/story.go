package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
)

// story is the demo: what the user does, what comes of it, and what is checked.
type story struct {
	*terminal
	cluster   *cluster.Cluster
	client    client.WithWatch
	folder    string // with the user's manifests
	plan      string // that of them by which part 1 judges
	namespace string
	asker     *asker // of the gateway, once there is one
	timeline  []moment
}

// moment is one line of the time line at the end.
type moment struct {
	at   time.Time
	what string
}

func newStory(c *cluster.Cluster, t *terminal, shop string) (*story, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, err
	}
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	api, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, err
	}
	return &story{terminal: t, cluster: c, client: api, folder: shop, plan: "plan.yaml", namespace: "shop"}, nil
}

// tell plays a part of the story, or all of it (0).
func (s *story) tell(ctx context.Context, part int) error {
	s.begun = time.Now()
	for _, scene := range []struct {
		part  int
		title string
		play  func(context.Context) error
	}{
		{1, "A shop: one annotation on the namespace, v1 running under load", s.opening},
		{1, "v2 is a good update", s.goodUpdate},
		{1, "v3 answers every fifth request with an error", s.badUpdate},
		{1, "v3 is applied again, as a GitOps tool would", s.again},
		{2, "A gateway: requests come by a route, which says nothing of canaries", s.behindAGateway},
		{2, "v2 has 5 %, 20 % and 50 % of the requests", s.growingShare},
		{2, "v3 answers every fifth request with an error, and has 5 %", s.takenOff},
	} {
		if part != 0 && part != scene.part {
			continue
		}
		s.title(scene.title)
		if err := scene.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", scene.title, err)
		}
	}
	s.ending(part)
	return nil
}

func (s *story) opening(ctx context.Context) error {
	for _, file := range []string{"namespace.yaml", s.plan, "web-v1.yaml", "load.yaml"} {
		if _, err := s.apply(ctx, file); err != nil {
			return err
		}
	}
	for _, name := range []string{"web", "load"} {
		if err := s.awaitRollout(ctx, name); err != nil {
			return err
		}
	}
	if err := s.awaitGuarded(ctx); err != nil {
		return err
	}
	s.remember("v1 runs under load, the namespace is guarded")
	return s.check(ctx,
		claim{"the Deployment runs v1", s.runs("v1")},
	)
}

func (s *story) goodUpdate(ctx context.Context) error {
	run, err := s.update(ctx, "v2")
	if err != nil {
		return err
	}
	if err := s.follow(ctx, run, v1alpha1.PhaseReleased); err != nil {
		return err
	}
	if err := s.awaitRollout(ctx, "web"); err != nil {
		return err
	}
	return s.check(ctx,
		claim{"the Deployment runs v2, with no record on it", s.runs("v2")},
		claim{"nothing of the canary is left", s.noCanary},
		claim{"kubectl rollout history has both revisions", s.hasRevisions(2)},
	)
}

func (s *story) badUpdate(ctx context.Context) error {
	run, err := s.update(ctx, "v3")
	if err != nil {
		return err
	}
	if err := s.follow(ctx, run, v1alpha1.PhaseReverted); err != nil {
		return err
	}
	return s.check(ctx,
		claim{"the Deployment runs v2, with no record on it", s.runs("v2")},
		claim{"nothing of the canary is left", s.noCanary},
		claim{"kubectl rollout history is as it was", s.hasRevisions(2)},
	)
}

func (s *story) again(ctx context.Context) error {
	before, err := s.web(ctx)
	if err != nil {
		return err
	}
	said, err := s.apply(ctx, "web-v3.yaml")
	if err != nil {
		return err
	}
	if !strings.Contains(said, "not tried again") {
		return fmt.Errorf("the rejected update was not refused from memory; kubectl said: %s", said)
	}
	s.remember("v3 refused from memory")
	return s.check(ctx,
		claim{"the Deployment runs v2", s.runs("v2")},
		claim{"its spec did not change", s.generationIs(before.Generation)},
		claim{"no canary was started", s.noCanary},
	)
}

// update applies a version and returns the run that tries it.
func (s *story) update(ctx context.Context, version string) (string, error) {
	said, err := s.apply(ctx, "web-"+version+".yaml")
	if err != nil {
		return "", err
	}
	_, after, named := strings.Cut(said, "get canaryrun ")
	if !named {
		return "", fmt.Errorf("the update was not held; kubectl said: %s", said)
	}
	s.remember(version + " applied and held")
	return strings.Fields(after)[0], nil
}

// apply is kubectl apply of one of the user's manifests; it returns what kubectl said.
func (s *story) apply(ctx context.Context, file string) (string, error) {
	s.typed("kubectl apply -f " + filepath.Join(filepath.Base(s.folder), file))
	result, err := s.cluster.Kubectl(ctx, "", "apply", "-f", filepath.Join(s.folder, file))
	if err != nil {
		return "", err
	}
	said := result.Stdout + result.Stderr
	s.answered(said)
	if result.Code != 0 {
		return "", fmt.Errorf("kubectl apply -f %s: exit code %d", file, result.Code)
	}
	return said, nil
}

func (s *story) remember(what string) {
	s.timeline = append(s.timeline, moment{time.Now(), what})
}

func (s *story) ending(part int) {
	s.title("Time line")
	for _, m := range s.timeline {
		fmt.Fprintf(s.out, "%s  %s\n", s.clock(m.at), m.what)
	}
	fmt.Fprint(s.out, "\nEvery step was checked against the API server. The user typed nothing but kubectl apply")
	if part != 1 {
		fmt.Fprint(s.out, ", and approved three steps")
	}
	fmt.Fprintln(s.out, ".")
}
