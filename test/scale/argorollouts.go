package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/test/stage"
)

// argoRollouts is Argo Rollouts as its manifests install it, but for its limit of requests to the API server.
type argoRollouts struct {
	*stand
	version string
}

func (a *argoRollouts) about() about {
	return about{
		heading: "Argo Rollouts " + a.version,
		program: "argo-rollouts", namespace: "argo-rollouts", labels: "app.kubernetes.io/name=argo-rollouts",
		metrics: "8090", group: argoGroup, resource: "analysisruns",
	}
}

const argoGroup = "argoproj.io/v1alpha1"

// ofArgoRollouts runs what is built from its module. By default it lets 40 requests a second pass, which is
// what 400 runs with an interval of 10 s send: each round is one.
const ofArgoRollouts = `{"spec":{"template":{"spec":{"containers":[
	{"name":"argo-rollouts","image":"holdfast.test/argo-rollouts:pinned","args":["--qps=1000","--burst=2000"]}]}}}}`

func (a *argoRollouts) install(ctx context.Context, source string) error {
	module, err := a.place(ctx, source, a.about().program, "argorollouts", "github.com/argoproj/argo-rollouts")
	if err != nil {
		return err
	}
	a.version = versionIn(module)
	namespace := "{apiVersion: v1, kind: Namespace, metadata: {name: argo-rollouts}}"
	if err := stage.Kubectl(ctx, a.cluster, namespace, "apply", "-f", "-"); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"apply", "--server-side", "--force-conflicts", "-n", a.about().namespace, "-f", filepath.Join(module, "manifests", "install.yaml")},
		{"patch", "deployment", "argo-rollouts", "-n", a.about().namespace, "-p", ofArgoRollouts},
		{"wait", "--for=condition=Established", "crd/rollouts.argoproj.io", "crd/analysistemplates.argoproj.io", "crd/analysisruns.argoproj.io"},
	} {
		if err := stage.Kubectl(ctx, a.cluster, "", args...); err != nil {
			return err
		}
	}
	return nil
}

// furnish makes the AnalysisTemplate.
func (a *argoRollouts) furnish(ctx context.Context, namespace string, o options) error {
	template, err := analysisTemplate(namespace, o)
	if err != nil {
		return err
	}
	return a.client.Create(ctx, template)
}

func (a *argoRollouts) create(ctx context.Context, namespace string, i int, _ options) error {
	rollout, err := rolloutOf(deployment(namespace, i))
	if err != nil {
		return err
	}
	return a.client.Create(ctx, rollout)
}

func (a *argoRollouts) ready(ctx context.Context, namespace string, n int) (bool, error) {
	return a.inPhase(ctx, namespace, argoGroup, "RolloutList", "Healthy", n)
}

// analysisTemplate has the metrics measured so often that nothing ends them.
func analysisTemplate(namespace string, o options) (*unstructured.Unstructured, error) {
	var text strings.Builder
	fmt.Fprintf(&text, `
apiVersion: %s
kind: AnalysisTemplate
metadata: {name: default, namespace: %s}
spec:
  args: [{name: canary}]
  metrics:
`, argoGroup, namespace)
	for _, m := range metricsOf(o, fmt.Sprintf(`namespace="%s", rollouts_pod_template_hash="{{args.canary}}"`, namespace)) {
		fmt.Fprintf(&text, `
  - name: %s
    interval: %s
    count: 1000000
    successCondition: result[0] <= %s
    provider:
      prometheus:
        address: http://10.0.0.1:9098
        query: %s
`, m.name, o.interval, m.most, m.query)
	}
	template := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text.String()), template); err != nil {
		return nil, fmt.Errorf("AnalysisTemplate: %w", err)
	}
	return template, nil
}

// rolloutOf is a Rollout of what a Deployment has: its canary runs until its analysis ends.
func rolloutOf(like any) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(like)
	if err != nil {
		return nil, err
	}
	rollout := &unstructured.Unstructured{Object: content}
	rollout.SetAPIVersion(argoGroup)
	rollout.SetKind("Rollout")
	strategy := map[string]any{}
	err = yaml.Unmarshal([]byte(`
canary:
  steps:
  - setWeight: 50
  - analysis:
      templates: [{templateName: default}]
      args: [{name: canary, valueFrom: {podTemplateHashValue: Latest}}]
`), &strategy)
	if err != nil {
		return nil, err
	}
	return rollout, unstructured.SetNestedMap(rollout.Object, strategy, "spec", "strategy")
}

func (a *argoRollouts) update(ctx context.Context, namespace string, i int) error {
	rollout := &unstructured.Unstructured{}
	rollout.SetAPIVersion(argoGroup)
	rollout.SetKind("Rollout")
	rollout.SetNamespace(namespace)
	rollout.SetName(nameOf(i))
	patch := `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"holdfast.test/app:v2"}]`
	return a.client.Patch(ctx, rollout, client.RawPatch(types.JSONPatchType, []byte(patch)))
}

// sight reads an AnalysisRun. It counts the measurements of each metric.
func (*argoRollouts) sight(object []byte) (sighting, error) {
	var run struct {
		Metadata struct {
			Name            string
			OwnerReferences []struct{ Name string }
		}
		Status struct {
			Phase         string
			MetricResults []struct {
				Name  string
				Count int
			}
		}
	}
	err := json.Unmarshal(object, &run)
	out := sighting{run: run.Metadata.Name, phase: run.Status.Phase, measured: map[string]int{}}
	for _, owner := range run.Metadata.OwnerReferences {
		out.workload = owner.Name
	}
	for _, result := range run.Status.MetricResults {
		out.measured[result.Name] = result.Count
	}
	return out, err
}

// verbs are what Argo Rollouts calls methods.
var verbs = map[string][]string{"GET": {"Get", "List", "Watch"}, "PATCH": {"Patch"}, "PUT": {"Update"}, "POST": {"Create"}}

func (*argoRollouts) requests(seen snapshot, method string) float64 {
	const name = "controller_clientset_k8s_request_total"
	if method == "" {
		return seen.contender.sum(name, "", "")
	}
	total := 0.0
	for _, verb := range verbs[method] {
		total += seen.contender.sum(name, "verb", verb)
	}
	return total
}
