package propose

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/surround"
)

func deployment(t *testing.T, more string) *appsv1.Deployment {
	t.Helper()
	var d appsv1.Deployment
	text := "metadata: {name: web, namespace: shop}\nspec:\n  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, ports: [{name: http, containerPort: 8080}]}]}}\n"
	for _, part := range []string{text, more} {
		if err := yaml.UnmarshalStrict([]byte(part), &d); err != nil {
			t.Fatal(err)
		}
	}
	return &d
}

func TestPlan(t *testing.T) {
	serves := surround.Service{Name: "web", Selector: map[string]string{"app": "web"}, Ports: []string{"http"}}
	another := surround.Service{Name: "api", Selector: map[string]string{"app": "api"}}
	none := Wish{Success: -1}
	for name, tc := range map[string]struct {
		more    string
		wish    Wish
		spec    string // of the plan, as YAML
		remarks []string
		mistake string
	}{
		"nothing wished for": {wish: none, spec: "{}", remarks: []string{"kubectl annotate -n shop deployment/web holdfast.dev/plan=web"}},
		"as Kanary has it": {
			wish: Wish{Service: "web", Period: time.Minute, Quantile: "P99<310", Success: 0.95, DryRun: true, Name: "default"},
			spec: "dryRun: true\nanalysis:\n  period: 1m0s\n  metrics:\n  - {name: latency, source: Istio, expect: P99 < 310ms}\n  - {name: success, source: Istio, expect: success >= 0.95}\n",
		},
		"labels that fail it": {
			wish:    Wish{Success: -1, PodLabels: "bad=true", DeploymentLabels: "stop"},
			spec:    "analysis:\n  metrics:\n  - {name: pod-labels, labels: {of: Pods, selector: {matchLabels: {bad: 'true'}}}}\n  - {name: deployment-labels, labels: {of: Deployment, selector: {matchExpressions: [{key: stop, operator: Exists}]}}}\n",
			remarks: []string{"holdfast.dev/plan=web"},
		},
		"what the Deployment says": {
			more: "metadata: {annotations: {holdfast.dev/plan: web}}\nspec: {progressDeadlineSeconds: 120, strategy: {type: Recreate}}", wish: none,
			spec: "readyDeadline: 2m0s\nbesideRecreate: true\n", remarks: []string{"The strategy of the Deployment is Recreate"},
		},
		"the plan in its annotations": {
			more: "metadata: {annotations: {holdfast.dev/period: 10m, metric.holdfast.dev/latency: P99 < 310ms, holdfast.dev/source: Linkerd}}", wish: none,
			spec:    "analysis:\n  period: 10m0s\n  interval: 30s\n  source: Linkerd\n  metrics: [{name: latency, expect: P99 < 310ms, source: Linkerd}]\n",
			remarks: []string{"take them off", "holdfast.dev/plan=web"},
		},
		"a share by routes":             {wish: Wish{Success: -1, Name: "default", Traffic: "weighted", Weight: 5}, spec: "traffic: {source: Weighted, weight: 5}"},
		"some share by routes":          {wish: Wish{Success: -1, Name: "default", Traffic: "Weighted"}, spec: "traffic: {source: Weighted, weight: 10}"},
		"a Service of its own":          {wish: Wish{Success: -1, Name: "default", Traffic: "CanaryService"}, spec: "traffic: {source: CanaryService}"},
		"a copy of requests":            {wish: Wish{Success: -1, Name: "default", Traffic: "mirror"}, spec: "traffic: {source: Mirror}"},
		"a source that there is not":    {wish: Wish{Success: -1, Traffic: "shadow"}, mistake: `--traffic is "shadow"; it must be one of [Service Weighted Mirror CanaryService Both None]`},
		"a share of no route":           {wish: Wish{Success: -1, Traffic: "None", Weight: 5}, mistake: "--weight is for --traffic=Weighted"},
		"a share of more than all":      {wish: Wish{Success: -1, Traffic: "Weighted", Weight: 101}, mistake: "must be a percentage from 1 to 100"},
		"a mistake in its annotations":  {more: "metadata: {annotations: {holdfast.dev/period: soon}}", wish: none, mistake: "cannot be followed"},
		"a Service that there is not":   {wish: Wish{Service: "nope", Success: -1}, mistake: `there is no Service "nope" in namespace shop; to its pods send web`},
		"a Service of others":           {wish: Wish{Service: "api", Success: -1}, mistake: `Service "api" sends no requests to pods of Deployment web`},
		"a quantile without a limit":    {wish: Wish{Quantile: "P99", Success: -1}, mistake: "must be like P99<310, in milliseconds"},
		"a quantile with a lower limit": {wish: Wish{Quantile: "P99>310", Success: -1}, mistake: "must be like P99<310"},
		"a share in percent":            {wish: Wish{Success: 95}, mistake: "it is a share from 0 to 1, such as 0.95"},
		"a selector that is none":       {wish: Wish{Success: -1, PodLabels: "a in"}, mistake: "--validation-labelwatch-pod"},
		"a period that cannot be":       {wish: Wish{Success: -1, Period: time.Millisecond}, mistake: "must be at least 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			plan, remarks, err := Plan(deployment(t, tc.more), []surround.Service{another, serves}, tc.wish)
			if tc.mistake != "" {
				if err == nil || !strings.Contains(err.Error(), tc.mistake) {
					t.Errorf("got %+v, %v", plan, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(plan.Spec)
			if err != nil {
				t.Fatal(err)
			}
			var want, is any
			for text, into := range map[string]*any{tc.spec: &want, string(got): &is} {
				if err := yaml.Unmarshal([]byte(text), into); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, is); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(remarks) != len(tc.remarks) {
				t.Fatalf("remarks %q", remarks)
			}
			for i, part := range tc.remarks {
				if !strings.Contains(remarks[i], part) {
					t.Errorf("remark %q, want %q in it", remarks[i], part)
				}
			}
		})
	}
	if _, remarks, err := Plan(deployment(t, ""), nil, Wish{Success: -1, Name: "default"}); err != nil || len(remarks) != 1 || !strings.Contains(remarks[0], "No Service sends requests") {
		t.Errorf("%q, %v", remarks, err)
	}
}
