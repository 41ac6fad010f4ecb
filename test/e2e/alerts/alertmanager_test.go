package alerts

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/e2e/shop"
)

var image = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	return shop.World.Cluster.Alertmanager(ctx, os.Stderr)
})

// alertmanagerYAML is an Alertmanager that sends what it gets to Holdfast, as docs/how-to/alerts.md has it:
// at %[1]s, with the CA %[2]s, and with what %[3]s says of who it is by the files %[4]s. No DNS runs in the
// test cluster, so the URL has an address.
const alertmanagerYAML = `
apiVersion: v1
kind: Secret
metadata: {name: alertmanager}
stringData:
  alertmanager.yml: |
    route:
      receiver: holdfast
      group_by: [alertname]
      group_wait: 0s
      group_interval: 1s
      repeat_interval: 1h
    receivers:
    - name: holdfast
      webhook_configs:
      - url: %[1]s
        max_alerts: 1000
        http_config:
          tls_config:
            ca_file: /etc/alertmanager/ca.crt
            server_name: holdfast-webhook.holdfast-system.svc
%[3]s
data:
  ca.crt: %[2]s
%[4]s
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: alertmanager, annotations: {holdfast.dev/canary: disabled}}
spec:
  selector: {matchLabels: {app: alertmanager}}
  template:
    metadata: {labels: {app: alertmanager}}
    spec:
      containers:
      - name: alertmanager
        image: holdfast.test/alertmanager:v1
        args: [--config.file=/etc/alertmanager/alertmanager.yml, --storage.path=/data, --cluster.listen-address=]
        readinessProbe: {httpGet: {path: /-/ready, port: 9093}, periodSeconds: 1}
        volumeMounts: [{name: config, mountPath: /etc/alertmanager}, {name: data, mountPath: /data}]
      volumes: [{name: config, secret: {secretName: alertmanager}}, {name: data, emptyDir: {}}]
`

// token is that of the test overlay.
const token = "of-the-test-cluster"

// alertmanager runs in a shop and sends to a path of Holdfast.
type alertmanager struct {
	s   *shop.Shop
	pod string
}

func runAlertmanager(s *shop.Shop, path, token string) alertmanager {
	s.T.Helper()
	return runAlertmanagerAs(s, shop.HoldfastPods(s.T)[0].Status.PodIP, path, "          authorization: {credentials_file: /etc/alertmanager/token}", map[string][]byte{"token": []byte(token)})
}

// runAlertmanagerAs runs one that says who it is by lines of its http_config, below tls_config, and by files.
func runAlertmanagerAs(s *shop.Shop, at, path, who string, files map[string][]byte) alertmanager {
	s.T.Helper()
	if err := image(); err != nil {
		s.T.Fatal(err)
	}
	certificate := &corev1.Secret{}
	name := client.ObjectKey{Namespace: shop.HoldfastNamespace, Name: "holdfast-webhook-tls"}
	if err := shop.World.Client.Get(s.T.Context(), name, certificate); err != nil {
		s.T.Fatal(err)
	}
	var more []string
	for file, content := range files {
		more = append(more, "  "+file+": "+base64.StdEncoding.EncodeToString(content))
	}
	s.Must("apply", "-f", "-", fmt.Sprintf(alertmanagerYAML, "https://"+at+":9095"+path, base64.StdEncoding.EncodeToString(certificate.Data["ca.crt"]), who, strings.Join(more, "\n")))
	shop.Await(s, "Alertmanager is ready", "alertmanager", &appsv1.Deployment{}, shop.RolledOut)
	pod := strings.TrimSpace(s.Must("get", "pods", "-l", "app=alertmanager", "-o", "jsonpath={.items[0].metadata.name}"))
	return alertmanager{s, pod}
}

// alert is one as Alertmanager takes it.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations,omitempty"`
	StartsAt    time.Time         `json:"startsAt,omitzero"`
	EndsAt      time.Time         `json:"endsAt,omitzero"`
}

// send gives Alertmanager alerts, as Prometheus does.
func (a alertmanager) send(t *testing.T, alerts ...alert) {
	t.Helper()
	text, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	config, err := shop.World.Cluster.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	asker, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s:9093/proxy/api/v2/alerts", config.Host, a.s.Namespace, a.pod)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := asker.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("Alertmanager answers %s", answer.Status)
	}
}

func (a alertmanager) says() string { return a.s.Must("logs", a.pod) }

// hasSent says whether a receiver has taken a group.
func (a alertmanager) hasSent() bool {
	text := a.s.Must("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:9093/proxy/metrics", a.s.Namespace, a.pod))
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "alertmanager_notification_requests_total{") && strings.Contains(line, `"webhook"`) {
			return !strings.HasSuffix(line, " 0\n") && !strings.Contains(a.says(), "Notify attempt failed")
		}
	}
	return false
}
