package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestPodsUseWhatTheirAnnotationSays(t *testing.T) {
	pod := func(name, app, cpu string) *corev1.Pod {
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{"app": app}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		}
		if cpu != "" {
			p.Annotations = map[string]string{used: cpu}
		}
		return p
	}
	handler := newHandler(fake.NewClientset(pod("one", "web", "70m"), pod("silent", "web", ""), pod("other", "db", "1")))
	for path, want := range map[string]int{
		"/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3Dweb": 1,
		"/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods":                         2,
		"/apis/metrics.k8s.io/v1beta1/namespaces/none/pods":                         0,
		"/apis/external.metrics.k8s.io/v1beta1/namespaces/none/queue-130":           1,
	} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		var list struct{ Items []podMetrics }
		if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil || len(list.Items) != want {
			t.Errorf("%s: %v, %s", path, err, answer.Body)
			continue
		}
		if strings.HasSuffix(path, "queue-130") {
			if !strings.Contains(answer.Body.String(), `"value":"130"`) {
				t.Errorf("%s: %s", path, answer.Body)
			}
			continue
		}
		if want == 1 && list.Items[0].Containers[0].Usage["cpu"] != "70m" {
			t.Errorf("%s: %s", path, answer.Body)
		}
	}
}
