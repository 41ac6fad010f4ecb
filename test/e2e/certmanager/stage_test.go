package certmanager

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/test/cluster"
	"holdfast.dev/holdfast/test/e2e/shop"
)

const (
	testOverlay        = "../../../manifests/overlays/test"
	certManagerOverlay = "../../../manifests/overlays/test-cert-manager"
)

// certStage is a cluster of its own with Holdfast, self-managed at first, and a guarded Deployment
// in a namespace that fails open and in one that fails closed.
type certStage struct {
	t       *testing.T
	cluster *cluster.Cluster
	client  client.WithWatch
}

func newCertStage(t *testing.T) *certStage {
	t.Helper()
	overlay, err := filepath.Abs(testOverlay)
	if err != nil {
		t.Fatal(err)
	}
	c, err := cluster.Start(t.Context(), cluster.Options{Install: overlay})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	config, err := c.RESTConfig()
	if err != nil {
		t.Fatal(err)
	}
	s := &certStage{t: t, cluster: c}
	if s.client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	for _, guard := range guards {
		s.must("create", "namespace", guard)
		s.must("create", "deployment", "web", "--image=holdfast.test/app:v1", "-n", guard)
		s.must("rollout", "status", "deployment/web", "-n", guard, "--timeout="+shop.Patience.String())
		s.must("annotate", "namespace", guard, "holdfast.dev/canary="+guard)
		s.must("wait", "namespace", guard, "--for=jsonpath={.metadata.labels.holdfast\\.dev/canary}="+guard, "--timeout="+shop.Patience.String())
	}
	return s
}

func (s *certStage) must(args ...string) string {
	s.t.Helper()
	result, err := s.cluster.Kubectl(s.t.Context(), "", args...)
	if err != nil {
		s.t.Fatal(err)
	}
	if result.Code != 0 {
		s.t.Fatalf("kubectl %s: exit code %d\n%s%s\n%s", strings.Join(args, " "), result.Code, result.Stdout, result.Stderr, s.logs())
	}
	return result.Stdout
}

func (s *certStage) kubectlFails(saying string, args ...string) {
	s.t.Helper()
	result, err := s.cluster.Kubectl(s.t.Context(), "", args...)
	if err != nil {
		s.t.Fatal(err)
	}
	if result.Code == 0 || !strings.Contains(result.Stderr, saying) {
		s.t.Fatalf("kubectl %s: exit code %d, not saying %q:\n%s", strings.Join(args, " "), result.Code, saying, result.Stderr)
	}
}

func (s *certStage) installCertManager() *cluster.CertManager {
	s.t.Helper()
	cm, err := s.cluster.CertManager(s.t.Context(), os.Stderr)
	if err != nil {
		s.t.Fatal(err)
	}
	return cm
}

// pods are the names of Holdfast's that have not been told to end.
func (s *certStage) pods() (names []string) {
	s.t.Helper()
	var list corev1.PodList
	if err := s.client.List(s.t.Context(), &list, client.InNamespace(shop.HoldfastNamespace), client.MatchingLabels{"app.kubernetes.io/name": "holdfast"}); err != nil {
		s.t.Fatal(err)
	}
	for _, pod := range list.Items {
		if pod.DeletionTimestamp == nil {
			names = append(names, pod.Name)
		}
	}
	return names
}

// logs is what all replicas of Holdfast have logged of certificates, those that are gone too.
func (s *certStage) logs() string {
	files, _ := filepath.Glob(filepath.Join(s.cluster.Logs(), "pods", shop.HoldfastNamespace+"_*", "*", "*.log"))
	var out strings.Builder
	for _, file := range files {
		content, _ := os.ReadFile(file)
		for line := range strings.Lines(string(content)) {
			if strings.Contains(line, `"logger":"certs"`) {
				out.WriteString(line)
			}
		}
	}
	return out.String()
}

// awaitLog waits until a pod of Holdfast has logged the words.
func (s *certStage) awaitLog(words string) {
	s.t.Helper()
	s.eventually("a replica logs "+words, func() bool { return strings.Contains(s.logs(), words) })
}

// eventually looks again and again at what no watch tells of.
func (s *certStage) eventually(what string, is func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*shop.Patience)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); !is(); {
		select {
		case <-ctx.Done():
			s.t.Fatalf("waiting until %s: %v\n%s", what, ctx.Err(), s.logs())
		case <-tick.C:
		}
	}
}

// renew asks cert-manager for a renewal as `cmctl renew` does, and returns when it has issued. Where
// cert-manager began one by itself a moment before, it is that.
func (s *certStage) renew(certificate string) {
	s.t.Helper()
	revision := func() string {
		return s.must("get", "certificate", certificate, "-n", shop.HoldfastNamespace, "-o", "jsonpath={.status.revision}")
	}
	s.eventually(certificate+" is not being issued", func() bool {
		return s.must("get", "certificate", certificate, "-n", shop.HoldfastNamespace, "-o", `jsonpath={.status.conditions[?(@.type=="Issuing")].type}`) == ""
	})
	before := revision()
	result, err := s.cluster.Kubectl(s.t.Context(), "", "patch", "certificate", certificate, "-n", shop.HoldfastNamespace, "--subresource=status", "--type=json", "-p",
		`[{"op": "add", "path": "/status/conditions/-", "value": {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
		   "message": "asked for by a test", "lastTransitionTime": "`+time.Now().UTC().Format(time.RFC3339)+`"}}]`)
	if err != nil || result.Code != 0 && !strings.Contains(result.Stderr, `Duplicate value: {"type":"Issuing"}`) {
		s.t.Fatalf("renew %s: %v\n%s%s", certificate, err, result.Stderr, s.logs())
	}
	s.eventually(certificate+" is issued again", func() bool { return revision() != before })
}

// trusted is the CAs in the webhook configuration.
func (s *certStage) trusted() []*x509.Certificate {
	s.t.Helper()
	var config admissionregistrationv1.MutatingWebhookConfiguration
	if err := s.client.Get(s.t.Context(), client.ObjectKey{Name: "holdfast"}, &config); err != nil {
		s.t.Fatal(err)
	}
	var out []*x509.Certificate
	for block, rest := pem.Decode(config.Webhooks[0].ClientConfig.CABundle); block != nil; block, rest = pem.Decode(rest) {
		ca, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, ca)
	}
	return out
}

// awaitServed waits until every replica serves one certificate that is none of these, and returns
// its serial number.
func (s *certStage) awaitServed(l *certLoad, others ...string) string {
	s.t.Helper()
	var serial string
	s.eventually(fmt.Sprintf("both replicas serve another certificate than %v", others), func() bool {
		l.check(s.t)
		now := l.serials()
		if len(now) != 1 || slices.Contains(others, now[0]) {
			return false
		}
		serial = now[0]
		return true
	})
	return serial
}

var expiryMetric = regexp.MustCompile(`(?m)^holdfast_certificate_expiry_timestamp_seconds 1\.\d+e\+09$`)

func (s *certStage) wantExpiryMetric() {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.cluster.MetricsURL(), http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); !expiryMetric.Match(text) {
		s.t.Errorf("the metrics have no expiry of the certificate:\n%s", text)
	}
}
