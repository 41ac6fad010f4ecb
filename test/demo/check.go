package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// settleLimit is how long the cluster may take to be as it should be.
const settleLimit = time.Minute

// condition says what of a wanted state is not so, nil if all is.
type condition func(context.Context) error

// claim is something that must be true, in words and as a condition.
type claim struct {
	what  string
	holds condition
}

// check waits until each claim holds.
func (s *story) check(ctx context.Context, claims ...claim) error {
	for _, c := range claims {
		if err := s.until(ctx, c.holds); err != nil {
			return fmt.Errorf("not so: %s: %w", c.what, err)
		}
		s.checked(c.what)
	}
	return nil
}

// until asks the API server again until a condition holds.
func (s *story) until(ctx context.Context, holds condition) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := holds(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}

func (s *story) deployment(ctx context.Context, name string) (*appsv1.Deployment, error) {
	var d appsv1.Deployment
	err := s.client.Get(ctx, client.ObjectKey{Namespace: s.namespace, Name: name}, &d)
	return &d, err
}

func (s *story) web(ctx context.Context) (*appsv1.Deployment, error) { return s.deployment(ctx, "web") }

// runs: the Deployment has the version as its template, and no held update.
func (s *story) runs(version string) condition {
	return func(ctx context.Context) error {
		d, err := s.web(ctx)
		if err != nil {
			return err
		}
		if image := d.Spec.Template.Spec.Containers[0].Image; !strings.HasSuffix(image, ":"+version) {
			return fmt.Errorf("it runs %s", image)
		}
		if d.Annotations[v1alpha1.HeldAnnotation] != "" {
			return fmt.Errorf("an update is held")
		}
		return nil
	}
}

func (s *story) generationIs(want int64) condition {
	return func(ctx context.Context) error {
		d, err := s.web(ctx)
		if err == nil && d.Generation != want {
			return fmt.Errorf("the generation is %d, was %d", d.Generation, want)
		}
		return err
	}
}

func (s *story) noCanary(ctx context.Context) error {
	var sets appsv1.ReplicaSetList
	if err := s.client.List(ctx, &sets, client.InNamespace(s.namespace), client.HasLabels{v1alpha1.RunLabel}); err != nil {
		return err
	}
	var pods corev1.PodList
	if err := s.client.List(ctx, &pods, client.InNamespace(s.namespace), client.HasLabels{v1alpha1.RoleLabel}); err != nil {
		return err
	}
	if len(sets.Items)+len(pods.Items) > 0 {
		return fmt.Errorf("%d ReplicaSets and %d pods of it are left", len(sets.Items), len(pods.Items))
	}
	return nil
}

// hasRevisions: the Deployment owns this many ReplicaSets, which is what
// kubectl rollout history shows.
func (s *story) hasRevisions(want int) condition {
	return func(ctx context.Context) error {
		result, err := s.cluster.Kubectl(ctx, "", "-n", s.namespace, "rollout", "history", "deployment/web")
		if err != nil {
			return err
		}
		got := 0
		for line := range strings.Lines(result.Stdout) {
			if line[0] >= '1' && line[0] <= '9' {
				got++
			}
		}
		if got != want {
			return fmt.Errorf("there are %d revisions:\n%s", got, result.Stdout)
		}
		return nil
	}
}

func (s *story) awaitRollout(ctx context.Context, name string) error {
	return s.until(ctx, func(ctx context.Context) error {
		d, err := s.deployment(ctx, name)
		if err != nil {
			return err
		}
		if d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != *d.Spec.Replicas ||
			d.Status.UpdatedReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("rollout of Deployment %s is not complete: %+v", name, d.Status)
		}
		return nil
	})
}

// awaitGuarded waits until an update would be held, as a dry run tells: the
// namespace's label must be set, and the API server must have seen it.
func (s *story) awaitGuarded(ctx context.Context) error {
	return s.until(ctx, func(ctx context.Context) error {
		result, err := s.cluster.Kubectl(ctx, "", "apply", "--dry-run=server", "-f", filepath.Join(s.folder, "web-v2.yaml"))
		if err == nil && !strings.Contains(result.Stderr, "update held") {
			err = fmt.Errorf("updates in namespace %s are not held yet; kubectl says: %s%s", s.namespace, result.Stdout, result.Stderr)
		}
		return err
	})
}
