package shop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// EvaluatorUser is who the evaluator is to the API server.
const EvaluatorUser = "system:serviceaccount:holdfast-system:holdfast"

// Answer is the value of the only series that a query gives, "" where it gives none.
func (s *Shop) Answer(query string) string {
	s.T.Helper()
	address := World.Cluster.PrometheusURL() + "/api/v1/query?query=" + url.QueryEscape(query)
	req, err := http.NewRequestWithContext(s.T.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.T.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		s.T.Fatal(err)
	}
	if len(answer.Data.Result) != 1 {
		return ""
	}
	return fmt.Sprint(answer.Data.Result[0].Value[1])
}

// HoldfastPods are the pods of Holdfast.
func HoldfastPods(t *testing.T) []corev1.Pod {
	t.Helper()
	var pods corev1.PodList
	if err := World.Client.List(t.Context(), &pods, client.InNamespace(HoldfastNamespace), client.MatchingLabels{"app.kubernetes.io/name": "holdfast"}); err != nil {
		t.Fatal(err)
	}
	if len(pods.Items) == 0 {
		t.Fatal("Holdfast has no pods")
	}
	return pods.Items
}

// Restarts are those of Holdfast's containers, by pod.
func Restarts(t *testing.T) map[string]int32 {
	t.Helper()
	out := map[string]int32{}
	for _, pod := range HoldfastPods(t) {
		for _, c := range pod.Status.ContainerStatuses {
			out[pod.Name] += c.RestartCount
		}
	}
	return out
}

// WantNoRestart fails the test if a container of Holdfast was restarted since Restarts was asked.
func WantNoRestart(t *testing.T, before map[string]int32) {
	t.Helper()
	for pod, n := range Restarts(t) {
		if was, there := before[pod]; there && n != was {
			system := &Shop{T: t, Namespace: HoldfastNamespace}
			last, _, _ := system.Kubectl("logs", "--previous", "--tail=20", pod)
			t.Errorf("pod %s of Holdfast was restarted %d times; it said last:\n%s", pod, n-was, last)
		}
	}
}

// HoldfastNamespace is where Holdfast is installed.
const HoldfastNamespace = "holdfast-system"
