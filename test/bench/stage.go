package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/stage"
)

// bench is a cluster with a Deployment in a guarded namespace and one in a
// namespace that is not.
type bench struct {
	cluster            *cluster.Cluster
	client             client.Client
	clientset          *kubernetes.Clientset
	guarded, unguarded string
}

const holdfastNamespace = "holdfast-system"

// firstImage is the one that web runs.
const firstImage = "holdfast.test/app:v1"

// web is paused, so that no rollout of the unguarded one disturbs the measurement.
const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  paused: %v
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: app, image: "` + firstImage + `"}]
`

func prepare(ctx context.Context, c *cluster.Cluster) (*bench, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.WarningHandler = -1, rest.NoWarnings{}
	b := &bench{cluster: c}
	if b.client, err = client.New(config, client.Options{Scheme: clientgoscheme.Scheme}); err != nil {
		return nil, err
	}
	if b.clientset, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	if b.unguarded, err = b.open(ctx, nil); err != nil {
		return nil, err
	}
	b.guarded, err = b.open(ctx, map[string]string{v1alpha1.CanaryAnnotation: v1alpha1.CanaryRequired, v1alpha1.PlanAnnotation: "none-such"})
	if err != nil {
		return nil, err
	}
	return b, b.awaitHeld(ctx)
}

// open makes a namespace with the Deployment in it, available and then paused.
func (b *bench) open(ctx context.Context, annotations map[string]string) (string, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "bench-", Annotations: annotations}}
	if err := b.client.Create(ctx, ns); err != nil {
		return "", err
	}
	for _, step := range []struct {
		stdin string
		args  []string
	}{
		{fmt.Sprintf(web, false), []string{"apply", "-f", "-"}},
		{"", []string{"rollout", "status", "deployment/web", "--timeout=60s"}},
		{"", []string{"rollout", "pause", "deployment/web"}},
	} {
		if err := stage.Kubectl(ctx, b.cluster, step.stdin, append(step.args, "-n", ns.Name)...); err != nil {
			return "", err
		}
	}
	return ns.Name, nil
}

// awaitHeld waits until the guarded Deployment really is.
func (b *bench) awaitHeld(ctx context.Context) error {
	for i := 0; ; i++ {
		if err := b.send(ctx, measurements[2], b.guarded, image(-i-1)); err != nil {
			return err
		}
		d, err := b.clientset.AppsV1().Deployments(b.guarded).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Annotations[v1alpha1.HeldAnnotation] != "" { // and is measured without a hold
			return stage.Kubectl(ctx, b.cluster, "", "-n", b.guarded, "annotate", "deployment", "web", v1alpha1.HeldAnnotation+"-")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// scaleToOne leaves one replica of Holdfast, and waits until the other is gone.
func (b *bench) scaleToOne(ctx context.Context) error {
	fmt.Fprintln(os.Stderr, "scaling Holdfast to one replica")
	if err := stage.Kubectl(ctx, b.cluster, "", "-n", holdfastNamespace, "scale", "deployment", "holdfast", "--replicas=1"); err != nil {
		return err
	}
	return stage.Kubectl(ctx, b.cluster, "", "-n", holdfastNamespace, "wait", "pod", "-l", "app.kubernetes.io/name=holdfast", "--for=delete", "--timeout=60s",
		"--field-selector=metadata.name!="+b.lastPod(ctx))
}

// lastPod is the replica that stays when Holdfast is scaled to one.
func (b *bench) lastPod(ctx context.Context) string {
	for ctx.Err() == nil {
		pods, err := b.clientset.CoreV1().Pods(holdfastNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=holdfast"})
		if err != nil {
			return ""
		}
		var stay []string
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp == nil {
				stay = append(stay, pod.Name)
			}
		}
		if len(stay) == 1 {
			return stay[0]
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return ""
}

// calls is how many requests of users all replicas have answered, dry runs aside.
func (b *bench) calls(ctx context.Context) (float64, error) {
	return b.sum(ctx, "holdfast_admission_decisions_total", func(m *dto.Metric) float64 {
		for _, l := range m.GetLabel() {
			if l.GetValue() == "Own" {
				return 0
			}
		}
		return m.GetCounter().GetValue()
	})
}

// memory is what the replicas take, in bytes.
func (b *bench) memory(ctx context.Context) (float64, error) {
	return b.sum(ctx, "process_resident_memory_bytes", func(m *dto.Metric) float64 { return m.GetGauge().GetValue() })
}

func (b *bench) sum(ctx context.Context, metric string, of func(*dto.Metric) float64) (float64, error) {
	pods, err := b.clientset.CoreV1().Pods(holdfastNamespace).List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/name=holdfast"})
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil {
			continue
		}
		body, err := b.clientset.CoreV1().Pods(holdfastNamespace).ProxyGet("http", pod.Name, "8080", "metrics", nil).DoRaw(ctx)
		if err != nil {
			return 0, fmt.Errorf("read metrics of %s: %w", pod.Name, err)
		}
		families, err := parse(body)
		if err != nil {
			return 0, err
		}
		for _, m := range families[metric].GetMetric() {
			total += of(m)
		}
	}
	return total, nil
}

func parse(body []byte) (map[string]*dto.MetricFamily, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}
