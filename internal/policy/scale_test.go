package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// What policies allow bounds what an autoscaler may ask for; where they leave a canary no autoscaler, it has
// none.
func TestPoliciesBoundTheAutoscalerOfACanary(t *testing.T) {
	five, share := intstr.FromInt32(5), intstr.FromString("30%")
	for name, tc := range map[string]struct {
		plan    string
		demands Effective
		want    *v1alpha1.CanaryHPA
		changed []string
	}{
		"within the bounds": {
			"{traffic: {source: None}, scale: {hpa: {maxReplicas: 5}}}", Effective{MaxReplicas: []Bound[intstr.IntOrString]{{Value: five, Policy: "p"}}}, bounded(1, 5), nil,
		},
		"more than there may be": {
			"{traffic: {source: None}, scale: {hpa: {minReplicas: 7}}}", Effective{MaxReplicas: []Bound[intstr.IntOrString]{{Value: five, Policy: "p"}}}, bounded(5, 5),
			[]string{"scale.hpa.maxReplicas"},
		},
		"more than a share of ten": {
			"{traffic: {source: None}, scale: {hpa: {}}}", Effective{MaxReplicas: []Bound[intstr.IntOrString]{{Value: share, Policy: "p"}}}, bounded(1, 3),
			[]string{"scale.hpa.maxReplicas"},
		},
		"put behind the Services": {
			"{traffic: {source: None}, scale: {hpa: {}}}", Effective{Sources: []Bound[[]v1alpha1.TrafficSource]{{Value: []v1alpha1.TrafficSource{v1alpha1.TrafficWeighted}, Policy: "p"}}}, nil, []string{"traffic.source", "scale.hpa"},
		},
		"compared with a baseline": {
			"{traffic: {source: None}, scale: {hpa: {}}}", Effective{Metrics: []Bound[v1alpha1.Metric]{{Policy: "p", Value: v1alpha1.Metric{
				Name: "m", Query: "up{ {{pods}} }", Compare: &v1alpha1.Comparison{},
			}}}}, nil, []string{"analysis.metrics[m]", "scale.hpa"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var spec v1alpha1.CanaryPlanSpec
			if err := yaml.UnmarshalStrict([]byte(tc.plan), &spec); err != nil {
				t.Fatal(err)
			}
			spec.SetDefaults()
			got, changes := tc.demands.Apply(spec, 10)
			var fields []string
			for _, c := range changes {
				fields = append(fields, c.Field)
			}
			if diff := cmp.Diff(tc.want, got.HPA()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tc.changed, fields); diff != "" {
				t.Errorf("changed, -want +got:\n%s", diff)
			}
		})
	}
}

func bounded(least, most int32) *v1alpha1.CanaryHPA {
	return &v1alpha1.CanaryHPA{MinReplicas: &least, MaxReplicas: &most}
}
