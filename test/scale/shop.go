package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// clients is how many requests the makers of workloads and of updates have under way.
const clients = 16

// shops are the namespaces of workloads, over which these are spread evenly.
type shops []string

// of is the namespace of workload i.
func (s shops) of(i int) string { return s[i%len(s)] }

// share is how many of n workloads are in the i-th namespace.
func (s shops) share(i, n int) int { return (n - i + len(s) - 1) / len(s) }

// openShops makes the namespaces, and n workloads in them, and waits until all is ready.
func (s *stand) openShops(ctx context.Context, c contender, n int, o options) (out shops, err error) {
	for range min(o.namespaces, n) {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scale-"}}
		if err := s.client.Create(ctx, ns); err != nil {
			return out, err
		}
		out = append(out, ns.Name)
		if err := c.furnish(ctx, ns.Name, o); err != nil {
			return out, err
		}
	}
	if err := each(ctx, n, func(ctx context.Context, i int) error { return c.create(ctx, out.of(i), i, o) }); err != nil {
		return out, err
	}
	for i, namespace := range out {
		err := eventually(ctx, "all workloads are ready", func() (bool, error) { return c.ready(ctx, namespace, out.share(i, n)) })
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// inPhase is whether there are n objects of a kind in a namespace, and all are in a phase.
func (s *stand) inPhase(ctx context.Context, namespace, version, list, phase string, n int) (bool, error) {
	all := &unstructured.UnstructuredList{}
	all.SetAPIVersion(version)
	all.SetKind(list)
	if err := s.client.List(ctx, all, client.InNamespace(namespace)); err != nil {
		return false, err
	}
	for i := range all.Items {
		if is, _, err := unstructured.NestedString(all.Items[i].Object, "status", "phase"); err != nil || is != phase {
			return false, err
		}
	}
	return len(all.Items) == n, nil
}

// closeShops deletes the namespaces, and waits until all of them is gone.
func (s *stand) closeShops(ctx context.Context, namespaces shops) error {
	for _, namespace := range namespaces {
		if err := s.client.Delete(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
			return err
		}
	}
	for _, namespace := range namespaces {
		err := eventually(ctx, "the namespaces are gone", func() (bool, error) {
			err := s.client.Get(ctx, types.NamespacedName{Name: namespace}, &corev1.Namespace{})
			return err != nil, client.IgnoreNotFound(err)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// metric is what canaries are judged by: a query, and the most it may answer.
type metric struct{ name, query, most string }

// quantiles are those that are asked for when there are many metrics.
var quantiles = []string{"0.99", "0.95", "0.9", "0.75", "0.5", "0.25", "0.1"}

// metricsOf are as many as are wanted, of the pods that canary selects.
func metricsOf(o options, canary string) []metric {
	out := []metric{{"errors", fmt.Sprintf(`sum(rate(http_requests_total{ %[1]s, code=~"5.." }[1m])) / sum(rate(http_requests_total{ %[1]s }[1m]))`, canary), "0.05"}}
	for i, quantile := range quantiles[:o.metrics-1] {
		query := fmt.Sprintf(`histogram_quantile(%s, sum by (le) (rate(http_request_duration_seconds_bucket{ %s }[1m])))`, quantile, canary)
		out = append(out, metric{fmt.Sprintf("latency-%d", i), query, "0.9"})
	}
	return out
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

// updateAll sends an update of every workload, and returns when each was answered.
func updateAll(ctx context.Context, c contender, namespaces shops, n int) (map[string]time.Time, error) {
	var mu sync.Mutex
	answered := map[string]time.Time{}
	err := each(ctx, n, func(ctx context.Context, i int) error {
		if err := c.update(ctx, namespaces.of(i), i); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		answered[nameOf(i)] = time.Now()
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
