package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// holdfast is what all others are measured beside.
type holdfast struct{ *stand }

func (holdfast) about() about {
	return about{
		heading: "Holdfast",
		program: "holdfast", namespace: "holdfast-system", labels: "app.kubernetes.io/name=holdfast",
		metrics: "8080", profiles: "6060", lag: "holdfast_round_lag_seconds", group: "holdfast.dev/v1alpha1", resource: "canaryruns",
	}
}

func (h holdfast) install(ctx context.Context, source string) error {
	return h.cluster.Reinstall(ctx, filepath.Join(source, "test", "scale", "install"), os.Stderr)
}

// furnish has a namespace guarded, and makes its plan.
func (h holdfast) furnish(ctx context.Context, namespace string, o options) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	guard := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, v1alpha1.CanaryAnnotation, v1alpha1.CanaryEnabled)
	if err := h.client.Patch(ctx, ns, client.RawPatch(types.MergePatchType, []byte(guard))); err != nil {
		return err
	}
	plan, err := planOf(o)
	if err != nil {
		return err
	}
	plan.Namespace = namespace
	return h.client.Create(ctx, plan)
}

func (h holdfast) create(ctx context.Context, namespace string, i int, _ options) error {
	return h.client.Create(ctx, deployment(namespace, i))
}

// ready is whether a namespace is guarded, and all its Deployments are Available.
func (h holdfast) ready(ctx context.Context, namespace string, n int) (bool, error) {
	ns := &corev1.Namespace{}
	if err := h.client.Get(ctx, client.ObjectKey{Name: namespace}, ns); err != nil || ns.Labels[v1alpha1.CanaryAnnotation] == "" {
		return false, err
	}
	var all appsv1.DeploymentList
	if err := h.client.List(ctx, &all, client.InNamespace(namespace)); err != nil {
		return false, err
	}
	for i := range all.Items {
		if all.Items[i].Status.AvailableReplicas == 0 {
			return false, nil
		}
	}
	return len(all.Items) == n, nil
}

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
`, o.interval)
	for _, m := range metricsOf(o, "{{canary}}") {
		fmt.Fprintf(&text, `
    - name: %s
      query: %s
      range: {max: %s}
`, m.name, m.query, m.most)
	}
	plan := &v1alpha1.CanaryPlan{}
	if err := yaml.UnmarshalStrict([]byte(text.String()), plan); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return plan, nil
}

// update sends one that has to be held.
func (h holdfast) update(ctx context.Context, namespace string, i int) error {
	patch := client.RawPatch(types.StrategicMergePatchType, []byte(`{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"holdfast.test/app:v2"}]}}}}`))
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: nameOf(i)}}
	if err := h.client.Patch(ctx, d, patch); err != nil {
		return err
	}
	if d.Annotations[v1alpha1.HeldAnnotation] == "" {
		return fmt.Errorf("the update of Deployment %s was not held", d.Name)
	}
	return nil
}

// sight reads a CanaryRun. It counts rounds, in each of which all metrics are measured.
func (holdfast) sight(object []byte) (sighting, error) {
	var run struct { // little of it, for a run is large
		Metadata struct{ Name string }
		Spec     struct{ Deployment string }
		Status   struct {
			Phase    string
			Measured int
		}
	}
	err := json.Unmarshal(object, &run)
	return sighting{
		run: run.Metadata.Name, workload: run.Spec.Deployment, phase: run.Status.Phase,
		measured: map[string]int{"all": run.Status.Measured},
	}, err
}

func (holdfast) requests(seen snapshot, method string) float64 {
	if method == "" {
		return seen.contender.sum("rest_client_requests_total", "", "")
	}
	return seen.contender.sum("rest_client_requests_total", "method", method)
}
