package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const (
	group    = "metrics.k8s.io"
	external = "external.metrics.k8s.io"
	version  = "v1beta1"
	// used is the annotation of a pod that says how much CPU it uses.
	used = "holdfast.test/cpu"
)

// podMetrics is what the metrics API says of a pod.
type podMetrics struct {
	Metadata   metav1.ObjectMeta `json:"metadata"`
	Timestamp  metav1.Time       `json:"timestamp"`
	Window     metav1.Duration   `json:"window"`
	Containers []container       `json:"containers"`
}

type container struct {
	Name  string            `json:"name"`
	Usage map[string]string `json:"usage"`
}

// newHandler serves what clients discover, the pods of a namespace by their labels, and metrics of no object,
// whose names end in their values.
func newHandler(client kubernetes.Interface) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	discover(mux, group, metav1.APIResource{Name: "pods", Namespaced: true, Kind: "PodMetrics", Verbs: metav1.Verbs{"list"}})
	discover(mux, external, metav1.APIResource{Name: "any", Namespaced: true, Kind: "ExternalMetricValueList", Verbs: metav1.Verbs{"get"}})
	mux.HandleFunc("GET /apis/"+group+"/"+version+"/namespaces/{namespace}/pods", func(w http.ResponseWriter, r *http.Request) {
		pods, err := client.CoreV1().Pods(r.PathValue("namespace")).List(r.Context(), metav1.ListOptions{LabelSelector: r.URL.Query().Get("labelSelector")})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		sendList(w, group, "PodMetricsList", measured(pods.Items, time.Now()))
	})
	mux.HandleFunc("GET /apis/"+external+"/"+version+"/namespaces/{namespace}/{metric}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("metric")
		sendList(w, external, "ExternalMetricValueList", []map[string]any{{
			"metricName": name, "metricLabels": map[string]string{}, "timestamp": metav1.Now(), "value": name[strings.LastIndex(name, "-")+1:],
		}})
	})
	return mux
}

// discover serves what clients ask of a group first.
func discover(mux *http.ServeMux, group string, resource metav1.APIResource) {
	inGroup := metav1.GroupVersionForDiscovery{GroupVersion: group + "/" + version, Version: version}
	mux.HandleFunc("GET /apis/"+group, func(w http.ResponseWriter, _ *http.Request) {
		send(w, metav1.APIGroup{
			TypeMeta: metav1.TypeMeta{Kind: "APIGroup", APIVersion: "v1"},
			Name:     group, Versions: []metav1.GroupVersionForDiscovery{inGroup}, PreferredVersion: inGroup,
		})
	})
	mux.HandleFunc("GET /apis/"+group+"/"+version, func(w http.ResponseWriter, _ *http.Request) {
		send(w, metav1.APIResourceList{
			TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: inGroup.GroupVersion,
			APIResources: []metav1.APIResource{resource},
		})
	})
}

func sendList(w http.ResponseWriter, group, kind string, items any) {
	send(w, map[string]any{"kind": kind, "apiVersion": group + "/" + version, "metadata": map[string]any{}, "items": items})
}

// measured are the metrics of those of some pods that have any.
func measured(pods []corev1.Pod, now time.Time) []podMetrics {
	out := []podMetrics{}
	for _, pod := range pods {
		cpu, is := pod.Annotations[used]
		if !is {
			continue
		}
		metrics := podMetrics{
			Metadata:  metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels},
			Timestamp: metav1.NewTime(now), Window: metav1.Duration{Duration: time.Second},
		}
		for _, c := range pod.Spec.Containers {
			metrics.Containers = append(metrics.Containers, container{Name: c.Name, Usage: map[string]string{"cpu": cpu, "memory": "64Mi"}})
		}
		out = append(out, metrics)
	}
	return out
}

func send(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		fmt.Println("resources:", err)
	}
}
