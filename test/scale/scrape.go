package main

import (
	"bytes"
	"context"
	"fmt"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pods are those with some labels that are not on their way out.
func (s *stand) pods(ctx context.Context, namespace, labels string) ([]corev1.Pod, error) {
	list, err := s.clientset.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		return nil, err
	}
	var out []corev1.Pod
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			out = append(out, pod)
		}
	}
	return out, nil
}

// served is where a pod serves something.
type served struct{ namespace, pod, port string }

// onlyPod finds the one pod of an application.
func (s *stand) onlyPod(ctx context.Context, namespace, labels string) (corev1.Pod, error) {
	pods, err := s.pods(ctx, namespace, labels)
	if err == nil && len(pods) != 1 {
		err = fmt.Errorf("%d pods of %s in %s, want one", len(pods), labels, namespace)
	}
	if err != nil {
		return corev1.Pod{}, err
	}
	return pods[0], nil
}

func (s *stand) read(ctx context.Context, from served, path string, params map[string]string) ([]byte, error) {
	body, err := s.clientset.CoreV1().Pods(from.namespace).ProxyGet("http", from.pod, from.port, path, params).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read %s of pod %s: %w", path, from.pod, err)
	}
	return body, nil
}

// scraped are metrics by name.
type scraped map[string]*dto.MetricFamily

// scrape reads the metrics of the one pod of an application.
func (s *stand) scrape(ctx context.Context, namespace, labels, port string) (scraped, error) {
	pod, err := s.onlyPod(ctx, namespace, labels)
	if err != nil {
		return nil, err
	}
	body, err := s.read(ctx, served{namespace, pod.Name, port}, "metrics", nil)
	if err != nil {
		return nil, err
	}
	return parse(body)
}

// scrapeAPIServer reads the metrics of the API server itself.
func (s *stand) scrapeAPIServer(ctx context.Context) (scraped, error) {
	body, err := s.clientset.RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("read metrics of the API server: %w", err)
	}
	return parse(body)
}

func parse(body []byte) (scraped, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// sum adds up the series of a counter or a gauge that have a label's value, all of them without a label.
func (s scraped) sum(name, label, value string) float64 {
	total := 0.0
	for _, m := range s[name].GetMetric() {
		matches := label == ""
		for _, l := range m.GetLabel() {
			matches = matches || l.GetName() == label && l.GetValue() == value
		}
		if matches {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return total
}
