package traffic

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func selecting(name string, selector map[string]string) corev1.Service {
	return corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Selector: selector}}
}

func TestApart(t *testing.T) {
	pods := map[string]string{"app": "web", "tier": "front", "team": "a"}
	for name, tc := range map[string]struct {
		services []corev1.Service
		selector *metav1.LabelSelector
		want     []string
	}{
		"no Service": {nil, nil, nil},
		"one that selects others, and one that selects by nothing": {
			[]corev1.Service{selecting("other", map[string]string{"app": "other"}), selecting("external", nil)}, nil, nil},
		"one label": {[]corev1.Service{selecting("web", map[string]string{"app": "web"})}, nil, []string{"app"}},
		"the label that all select by": {
			[]corev1.Service{selecting("web", map[string]string{"app": "web", "tier": "front"}), selecting("front", map[string]string{"tier": "front"})}, nil, []string{"tier"}},
		"two Services with nothing in common": {
			[]corev1.Service{selecting("web", map[string]string{"app": "web"}), selecting("team", map[string]string{"team": "a"})}, nil, []string{"team", "app"}},
		"the last of several":        {[]corev1.Service{selecting("web", map[string]string{"app": "web", "tier": "front"})}, nil, []string{"tier"}},
		"no Service, and a selector": {nil, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web", "team": "a"}}, []string{"team"}},
		"the label that both go by": {
			[]corev1.Service{selecting("web", map[string]string{"app": "web", "tier": "front"})}, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, []string{"app"}},
		"a selector by another label": {
			[]corev1.Service{selecting("front", map[string]string{"tier": "front"})}, &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, []string{"tier", "app"}},
		"a selector by expressions": {nil, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web", "shop"}}, {Key: "job", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}, []string{"app"}},
		"a selector that asks for no label": {nil, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "job", Operator: metav1.LabelSelectorOpDoesNotExist},
		}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := Apart(tc.services, tc.selector, pods)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			left := map[string]string{}
			for key, value := range pods {
				left[key] = value
			}
			for _, key := range got {
				delete(left, key)
			}
			if still := serving(tc.services, left); len(still) > 0 {
				t.Errorf("still behind %v", still)
			}
			if still := demands(tc.selector, left); len(still) > 0 {
				t.Errorf("still selected by %v", still)
			}
		})
	}
}
