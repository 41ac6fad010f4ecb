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
		want     []string
	}{
		"no Service": {nil, nil},
		"one that selects others, and one that selects by nothing": {
			[]corev1.Service{selecting("other", map[string]string{"app": "other"}), selecting("external", nil)}, nil},
		"one label": {[]corev1.Service{selecting("web", map[string]string{"app": "web"})}, []string{"app"}},
		"the label that all select by": {
			[]corev1.Service{selecting("web", map[string]string{"app": "web", "tier": "front"}), selecting("front", map[string]string{"tier": "front"})}, []string{"tier"}},
		"two Services with nothing in common": {
			[]corev1.Service{selecting("web", map[string]string{"app": "web"}), selecting("team", map[string]string{"team": "a"})}, []string{"team", "app"}},
		"the last of several": {[]corev1.Service{selecting("web", map[string]string{"app": "web", "tier": "front"})}, []string{"tier"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Apart(tc.services, pods)
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
		})
	}
}
