package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// clients is how many requests the makers of Deployments and of updates have under way.
const clients = 16

// openShop makes a guarded namespace with a plan and n Deployments of one pod each, all Available.
func (s *stand) openShop(ctx context.Context, n int, o options) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scale-", Annotations: map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryEnabled}}}
	if err := s.client.Create(ctx, ns); err != nil {
		return "", err
	}
	plan, err := planOf(o)
	if err != nil {
		return "", err
	}
	plan.Namespace = ns.Name
	if err := s.client.Create(ctx, plan); err != nil {
		return "", err
	}
	err = each(ctx, n, func(ctx context.Context, i int) error { return s.client.Create(ctx, deployment(ns.Name, i)) })
	if err != nil {
		return "", err
	}
	return ns.Name, eventually(ctx, "all Deployments are Available, and their namespace guarded", func() (bool, error) {
		if err := s.client.Get(ctx, client.ObjectKeyFromObject(ns), ns); err != nil || ns.Labels[v1alpha1.CanaryAnnotation] == "" {
			return false, err
		}
		var all appsv1.DeploymentList
		if err := s.client.List(ctx, &all, client.InNamespace(ns.Name)); err != nil {
			return false, err
		}
		for i := range all.Items {
			if all.Items[i].Status.AvailableReplicas == 0 {
				return false, nil
			}
		}
		return len(all.Items) == n, nil
	})
}

// closeShop deletes the namespace, and waits until all of it is gone.
func (s *stand) closeShop(ctx context.Context, namespace string) error {
	if err := s.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		return err
	}
	return eventually(ctx, "the namespace is gone", func() (bool, error) {
		err := s.client.Get(ctx, types.NamespacedName{Name: namespace}, &corev1.Namespace{})
		return err != nil, client.IgnoreNotFound(err)
	})
}

// quantiles are those that plans of many metrics ask for.
var quantiles = []string{"0.99", "0.95", "0.9", "0.75", "0.5", "0.25", "0.1"}

// planOf is a plan that nothing ends: its period is a day.
func planOf(o options) (*v1alpha1.CanaryPlan, error) {
	var text strings.Builder
	fmt.Fprintf(&text, `
metadata: {name: default}
spec:
  deadline: 100h
  analysis:
    interval: %s
    period: 24h
    metrics:
    - name: errors
      query: sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[1m])) / sum(rate(http_requests_total{ {{canary}} }[1m]))
      range: {max: 0.05}
`, o.interval)
	for i, quantile := range quantiles[:o.metrics-1] {
		fmt.Fprintf(&text, `
    - name: latency-%d
      query: histogram_quantile(%s, sum by (le) (rate(http_request_duration_seconds_bucket{ {{canary}} }[1m])))
      range: {max: 0.9}
`, i, quantile)
	}
	plan := &v1alpha1.CanaryPlan{}
	if err := yaml.UnmarshalStrict([]byte(text.String()), plan); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}

func deployment(namespace string, i int) *appsv1.Deployment {
	labels := map[string]string{"app": nameOf(i)}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: nameOf(i)},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{fake: "fake"},
					Tolerations:  []corev1.Toleration{{Key: fake, Operator: corev1.TolerationOpExists}},
					Containers:   []corev1.Container{{Name: "app", Image: "holdfast.test/app:v1"}},
				},
			},
		},
	}
}

func nameOf(i int) string { return fmt.Sprintf("web-%d", i) }

// hold sends an update of every Deployment, and returns when each was answered.
func (s *stand) hold(ctx context.Context, namespace string, n int) (map[string]time.Time, error) {
	var mu sync.Mutex
	answered := map[string]time.Time{}
	patch := client.RawPatch(types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v2"}]}}}}`))
	err := each(ctx, n, func(ctx context.Context, i int) error {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: nameOf(i)}}
		if err := s.client.Patch(ctx, d, patch); err != nil {
			return err
		}
		if d.Annotations[v1alpha1.HeldAnnotation] == "" {
			return fmt.Errorf("the update of Deployment %s was not held", d.Name)
		}
		mu.Lock()
		defer mu.Unlock()
		answered[d.Name] = time.Now()
		return nil
	})
	return answered, err
}

// each does something for 0 to n-1, some at a time. It ends with the first error.
func each(ctx context.Context, n int, do func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan int)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for i := range todo {
				if err := do(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		todo <- i
	}
	close(todo)
	all.Wait()
	return context.Cause(ctx)
}
