package query

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestAutoscalersThatPlansMayHave(t *testing.T) {
	for name, tc := range map[string]struct{ plan, want string }{
		"no autoscaler":         {"{}", ""},
		"by routes":             {"{traffic: {source: Weighted, weight: 5}, scale: {hpa: {}}}", ""},
		"a worker":              {"{traffic: {source: None}, scale: {hpa: {minReplicas: 2, maxReplicas: 2}}}", ""},
		"by a queue":            {"{traffic: {source: None}, scale: {hpa: {metrics: [{type: External, external: {metric: {name: jobs}, target: {type: AverageValue, averageValue: '30'}}}]}}}", ""},
		"steps within the most": {"{traffic: {source: Weighted}, scale: {hpa: {maxReplicas: 4}}, steps: [{weight: 5}, {weight: 50, replicas: 4}]}", ""},
		"a share of the pods":   {"{traffic: {source: None}, replicas: '50%', scale: {hpa: {maxReplicas: 2}}}", ""},
		"behind the Services":   {"{scale: {hpa: {}}}", "spec.scale.hpa: Forbidden"},
		"behind both":           {"{traffic: {source: Both}, scale: {hpa: {}}}", "spec.scale.hpa: Forbidden"},
		"with a baseline":       {"{traffic: {source: None}, baseline: {}, scale: {hpa: {}}}", "spec.scale.hpa: Forbidden: a baseline"},
		"with a baseline by a comparison": {
			"{traffic: {source: None}, scale: {hpa: {}}, analysis: {metrics: [{name: x, query: 'up{ {{pods}} }', compare: {}}]}}", "spec.scale.hpa: Forbidden: a baseline",
		},
		"compared with the stable pods": {
			"{traffic: {source: None}, scale: {hpa: {}}, analysis: {metrics: [{name: x, query: 'up{ {{pods}} }', compare: {to: Stable}}]}}", "",
		},
		"with one hostname":       {"{traffic: {source: None}, identity: {hostname: canary}, scale: {hpa: {}}}", "spec.identity.hostname: Forbidden"},
		"more at least than most": {"{traffic: {source: None}, scale: {hpa: {minReplicas: 11}}}", "spec.scale.hpa.maxReplicas: Invalid value: 10: must be from minReplicas (11)"},
		"none at least":           {"{traffic: {source: None}, scale: {hpa: {minReplicas: 0}}}", "spec.scale.hpa.minReplicas: Invalid value: 0"},
		"a plan beyond the most":  {"{traffic: {source: None}, replicas: 11, scale: {hpa: {}}}", "spec.replicas: Invalid value: 11: must not be more than scale.hpa.maxReplicas (10)"},
		"a step beyond the most": {
			"{traffic: {source: Weighted}, scale: {hpa: {maxReplicas: 4}}, steps: [{weight: 5}, {weight: 50, replicas: 5}]}", "spec.steps[1].replicas: Invalid value: 5",
		},
		"a metric of no type": {"{traffic: {source: None}, scale: {hpa: {metrics: [{type: CPU}]}}}", `spec.scale.hpa.metrics[0].type: Unsupported value: "CPU"`},
		"a metric of nothing": {"{traffic: {source: None}, scale: {hpa: {metrics: [{type: Resource}]}}}", "spec.scale.hpa.metrics[0].resource: Required"},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1alpha1.CanaryPlanSpec
			if err := yaml.UnmarshalStrict([]byte(tc.plan), &spec); err != nil {
				t.Fatal(err)
			}
			spec.SetDefaults()
			errs := ValidatePlan(&spec, field.NewPath("spec"))
			switch {
			case tc.want == "" && len(errs) > 0:
				t.Errorf("refused: %v", errs.ToAggregate())
			case tc.want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Error(), tc.want)):
				t.Errorf("%v, want one about %q", errs, tc.want)
			}
		})
	}
}
