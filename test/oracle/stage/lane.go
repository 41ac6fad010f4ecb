package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/oracle/compare"
	"holdfast.dev/holdfast/test/oracle/manifest"
	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Lane is a pair of namespaces in which one sequence is played after the other.
type Lane struct {
	stage *Stage
	sides compare.Pair[*side]
	dir   string
}

// side is one of the two namespaces.
type side struct {
	stage     *Stage
	namespace string
	guarded   bool
	dir       string // where the clients run
	normal    compare.Normal
}

// absentPlan is one that no namespace has: without it the evaluator starts no run, and what is held
// stays held.
const absentPlan = "released-by-the-oracle"

// Lane makes a pair of namespaces and waits until one is guarded. It fails closed there: an update
// that passes because the machine is too busy would be no answer of Holdfast's.
func (s *Stage) Lane(ctx context.Context) (*Lane, error) {
	dir, err := os.MkdirTemp(s.dir, "lane-")
	if err != nil {
		return nil, fmt.Errorf("make folder of lane: %w", err)
	}
	l := &Lane{stage: s, dir: dir}
	if l.sides.Unguarded, err = s.side(ctx, dir, nil); err != nil {
		return nil, err
	}
	l.sides.Guarded, err = s.side(ctx, dir, map[string]string{
		v1alpha1.CanaryAnnotation: v1alpha1.CanaryRequired, v1alpha1.PlanAnnotation: absentPlan,
	})
	if err != nil {
		return nil, err
	}
	return l, l.sides.Guarded.awaitGuarded(ctx)
}

func (s *Stage) side(ctx context.Context, dir string, annotations map[string]string) (*side, error) {
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "oracle-", Annotations: annotations}}
	made, err := s.client.CoreV1().Namespaces().Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("make namespace: %w", err)
	}
	return &side{stage: s, namespace: made.Name, guarded: annotations != nil, dir: dir}, nil
}

// awaitGuarded waits until the API server refuses, in a dry run, what only Holdfast refuses.
func (s *side) awaitGuarded(ctx context.Context) error {
	nonsense, err := manifest.Render([]sequence.Word{{Key: "meta-annotation." + v1alpha1.PeriodAnnotation, Value: "soon"}})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := s.stage.objects.Resource(deployments).Namespace(s.namespace).Create(ctx, &unstructured.Unstructured{Object: nonsense},
			metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("namespace %s is not guarded: %w", s.namespace, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}

// Close removes both namespaces, also when ctx is over. It does not wait until they are gone.
func (l *Lane) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	var problems []error
	for _, s := range []*side{l.sides.Unguarded, l.sides.Guarded} {
		if err := l.stage.client.CoreV1().Namespaces().Delete(ctx, s.namespace, metav1.DeleteOptions{}); err != nil {
			problems = append(problems, fmt.Errorf("delete namespace: %w", err))
		}
	}
	return errors.Join(problems...)
}

// clear empties a namespace of what a sequence has left in it.
func (s *side) clear(ctx context.Context) error {
	background := metav1.DeletePropagationBackground
	gone := metav1.DeleteOptions{PropagationPolicy: &background}
	err := s.stage.objects.Resource(deployments).Namespace(s.namespace).Delete(ctx, manifest.Name, gone)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete Deployment: %w", err)
	}
	err = s.stage.client.AutoscalingV2().HorizontalPodAutoscalers(s.namespace).DeleteCollection(ctx, gone, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("delete autoscalers: %w", err)
	}
	err = s.stage.client.CoreV1().Secrets(s.namespace).DeleteCollection(ctx, gone, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return fmt.Errorf("delete Helm's releases: %w", err)
	}
	_, what, err := s.stage.watcher.await(ctx, s.namespace, manifest.Name, func(v view) string {
		if v.deployment != nil || len(v.replicaSets) > 0 {
			return "the Deployment or its ReplicaSets are still there"
		}
		return ""
	})
	if what != "" {
		return fmt.Errorf("empty namespace %s: %s", s.namespace, what)
	}
	s.stage.recorder.take(s.namespace)
	s.normal = compare.Normal{Namespace: s.namespace}
	return err
}

// write puts the files of an invocation where both sides find them.
func (l *Lane) write(files map[string][]byte) error {
	for name, content := range files {
		path := filepath.Join(l.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("make folder of chart: %w", err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("write chart: %w", err)
		}
	}
	return nil
}
