package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/stage"
)

// flagger is Flagger as the folder flagger has it. Its metrics say nothing that is wanted here.
type flagger struct {
	*stand
	version string
}

func (f *flagger) about() about {
	return about{
		heading: "Flagger " + f.version,
		program: "flagger", namespace: "flagger-system", labels: "app=flagger",
		group: flaggerGroup, resource: "canaries",
	}
}

const flaggerGroup = "flagger.app/v1beta1"

// install applies the folder flagger, with what it is based on beside it.
func (f *flagger) install(ctx context.Context, source string) error {
	module, err := f.place(ctx, source, f.about().program, "flagger", "github.com/fluxcd/flagger")
	if err != nil {
		return err
	}
	f.version = versionIn(module)
	dir, err := os.MkdirTemp("", "flagger-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for to, from := range map[string]string{
		dir:                        filepath.Join(source, "test", "scale", "flagger"),
		filepath.Join(dir, "base"): filepath.Join(module, "kustomize", "base", "flagger"),
	} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-k", dir},
		{"wait", "--for=condition=Established", "crd/canaries.flagger.app", "crd/metrictemplates.flagger.app"},
	} {
		if err := stage.Kubectl(ctx, f.cluster, "", args...); err != nil {
			return err
		}
	}
	return nil
}

// furnish makes a MetricTemplate for each metric.
func (f *flagger) furnish(ctx context.Context, namespace string, o options) error {
	templates, err := metricTemplates(namespace, o)
	if err != nil {
		return err
	}
	for _, template := range templates {
		if err := f.client.Create(ctx, template); err != nil {
			return err
		}
	}
	return nil
}

// create makes a Deployment and its Canary.
func (f *flagger) create(ctx context.Context, namespace string, i int, o options) error {
	if err := f.client.Create(ctx, deployment(namespace, i)); err != nil {
		return err
	}
	canary, err := canaryOf(namespace, i, o)
	if err != nil {
		return err
	}
	return f.client.Create(ctx, canary)
}

// ready is whether all Canaries are Initialized: pods of the primary Deployments that Flagger makes are what
// runs then.
func (f *flagger) ready(ctx context.Context, namespace string, n int) (bool, error) {
	return f.inPhase(ctx, namespace, flaggerGroup, "CanaryList", "Initialized", n)
}

// metricTemplates ask for the pods that have the name of the canary's Deployment in their label app; those of
// the primary have another.
func metricTemplates(namespace string, o options) ([]*unstructured.Unstructured, error) {
	var out []*unstructured.Unstructured
	for _, m := range metricsOf(o, `namespace="{{ namespace }}", app="{{ target }}"`) {
		template := &unstructured.Unstructured{}
		err := yaml.Unmarshal([]byte(fmt.Sprintf(`
apiVersion: %s
kind: MetricTemplate
metadata: {name: %s, namespace: %s}
spec:
  provider: {type: prometheus, address: "http://10.0.0.1:9098"}
  query: %s
`, flaggerGroup, m.name, namespace, m.query)), template)
		if err != nil {
			return nil, fmt.Errorf("MetricTemplate: %w", err)
		}
		out = append(out, template)
	}
	return out, nil
}

// canaryOf is a Canary that nothing ends: its iterations, and the failures it stands, are many. Its Services
// are headless because there are three of each Canary, and few addresses for Services.
func canaryOf(namespace string, i int, o options) (*unstructured.Unstructured, error) {
	var text strings.Builder
	fmt.Fprintf(&text, `
apiVersion: %s
kind: Canary
metadata: {name: %[2]s, namespace: %[3]s}
spec:
  provider: kubernetes
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: %[2]s}
  service: {port: 80, headless: true}
  analysis:
    interval: %[4]s
    iterations: 1000000
    threshold: 1000000
    metrics:
`, flaggerGroup, nameOf(i), namespace, o.interval)
	for _, m := range metricsOf(o, "") {
		fmt.Fprintf(&text, `
    - name: %[1]s
      templateRef: {name: %[1]s}
      thresholdRange: {max: %[2]s}
      interval: 1m
`, m.name, m.most)
	}
	canary := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text.String()), canary); err != nil {
		return nil, fmt.Errorf("canary: %w", err)
	}
	return canary, nil
}

func (f *flagger) update(ctx context.Context, namespace string, i int) error {
	patch := `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"holdfast.test/app:v2"}]`
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: nameOf(i)}}
	return f.client.Patch(ctx, d, client.RawPatch(types.JSONPatchType, []byte(patch)))
}

// sight reads a Canary, which is there before its run. The run is under way with the first iteration: it is
// counted when the canary's pods are ready and the analysis starts, and nothing is measured for it. Each
// iteration more is a round, and so is a check that failed, which is none.
func (*flagger) sight(object []byte) (sighting, error) {
	var canary struct {
		Metadata struct{ Name string }
		Spec     struct{ TargetRef struct{ Name string } }
		Status   struct {
			Phase                    string
			Iterations, FailedChecks int
		}
	}
	err := json.Unmarshal(object, &canary)
	out := sighting{
		run: canary.Metadata.Name, workload: canary.Spec.TargetRef.Name, phase: canary.Status.Phase,
		measured: map[string]int{"all": max(0, canary.Status.Iterations-1) + canary.Status.FailedChecks},
	}
	if out.phase == "Progressing" && canary.Status.Iterations > 0 {
		out.phase = running
	}
	return out, err
}

// requests are those that the API server has counted by the FlowSchemas in the folder flagger.
func (*flagger) requests(seen snapshot, method string) float64 {
	total := 0.0
	for _, each := range []string{"GET", "PATCH", "PUT", "POST", "DELETE"} {
		if method == "" || method == each {
			total += seen.server.sum("apiserver_flowcontrol_dispatched_requests_total", "flow_schema", "flagger-"+strings.ToLower(each))
		}
	}
	return total
}
