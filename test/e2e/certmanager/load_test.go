package certmanager

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// guards are the namespaces of a certStage, each guarded as it is called.
var guards = []string{v1alpha1.CanaryEnabled, v1alpha1.CanaryRequired}

// clientsPerGuard is how many clients update the Deployment of each.
const clientsPerGuard = 2

// slowest is how far behind an API server may be with what it trusts: less than a replica waits
// that has nothing else to serve, by times of whole seconds.
const slowest = time.Second

// certLoad is what goes on all the time while certificates change.
type certLoad struct {
	stage  *certStage
	cancel context.CancelFunc
	all    sync.WaitGroup

	mu         sync.Mutex
	updates    int
	handshakes int
	failures   []string
	// served is the serial number that each replica served last.
	served map[string]string
	// bundles are the CA bundles that an API server may go by.
	bundles []bundleSeen
}

type bundleSeen struct {
	pem   []byte
	until time.Time // zero for the newest
}

// startLoad starts the clients.
func (s *certStage) startLoad() *certLoad {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	l := &certLoad{stage: s, cancel: cancel, served: map[string]string{}}
	s.t.Cleanup(l.end)
	l.run(func() { l.follow(ctx) })
	for _, guard := range guards {
		for n := range clientsPerGuard {
			l.run(func() { l.update(ctx, guard, n) })
		}
	}
	return l
}

func (l *certLoad) run(f func()) { l.all.Go(f) }

// end ends everything. check after it is about all that has been.
func (l *certLoad) end() {
	l.cancel()
	l.all.Wait()
}

// stop ends the load and says what has failed.
func (l *certLoad) stop() {
	l.stage.t.Helper()
	l.end()
	l.check(l.stage.t)
	l.stage.t.Logf("%d updates and %d handshakes, none failed", l.updates, l.handshakes)
	if l.updates < 50 || l.handshakes < 50 {
		l.stage.t.Error("that is too few to prove anything")
	}
}

// check ends the test if anything has failed.
func (l *certLoad) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) > 0 {
		t.Fatalf("%d of %d updates and %d handshakes have failed:\n%s", len(l.failures), l.updates, l.handshakes, strings.Join(l.failures[:min(10, len(l.failures))], "\n"))
	}
}

func (l *certLoad) record(count *int, failure string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*count++
	if failure != "" {
		l.failures = append(l.failures, time.Now().UTC().Format("15:04:05.000 ")+failure)
	}
}

// update sends dry runs of updates, each with another image; they go through the webhook as others
// do, and leave no run behind. An answer that carries the new image is an update that nobody was
// asked about.
func (l *certLoad) update(ctx context.Context, namespace string, n int) {
	for i := 0; ctx.Err() == nil; i++ {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "web"}}
		image := fmt.Sprintf("holdfast.test/app:v%d-%d", n+2, i)
		patch := client.RawPatch(types.StrategicMergePatchType, fmt.Appendf(nil,
			`{"spec": {"template": {"spec": {"containers": [{"name": "app", "image": %q}]}}}}`, image))
		err := l.stage.client.Patch(ctx, d, patch, client.DryRunAll)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			l.record(&l.updates, fmt.Sprintf("update in %s: %v", namespace, err))
		case d.Spec.Template.Spec.Containers[0].Image == image:
			l.record(&l.updates, fmt.Sprintf("update in %s passed ungated", namespace))
		default:
			l.record(&l.updates, "")
		}
	}
}

// follow watches what API servers are told to trust.
func (l *certLoad) follow(ctx context.Context) {
	w, err := l.stage.client.Watch(ctx, &admissionregistrationv1.MutatingWebhookConfigurationList{})
	if err != nil {
		l.record(new(int), fmt.Sprintf("watch: %v", err))
		return
	}
	defer w.Stop()
	for event := range w.ResultChan() {
		config, ok := event.Object.(*admissionregistrationv1.MutatingWebhookConfiguration)
		if !ok || config.Name != "holdfast" {
			continue
		}
		l.mu.Lock()
		if n := len(l.bundles); n > 0 {
			l.bundles[n-1].until = time.Now()
		}
		l.bundles = append(l.bundles, bundleSeen{pem: config.Webhooks[0].ClientConfig.CABundle})
		l.mu.Unlock()
	}
}

// believed are the bundles that an API server, the slowest too, may go by now.
func (l *certLoad) believed() (out [][]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.bundles {
		if b.until.IsZero() || time.Since(b.until) < slowest {
			out = append(out, b.pem)
		}
	}
	return out
}

// shakeHands does with each of these replicas, over and over, what an API server does that calls it
// for the first time.
func (l *certLoad) shakeHands(pods []string) {
	l.stage.t.Helper()
	if len(pods) != 2 {
		l.stage.t.Fatalf("there are %d replicas: %v", len(pods), pods)
	}
	ctx, cancel := context.WithCancel(l.stage.t.Context())
	before := l.cancel
	l.cancel = func() { cancel(); before() }
	for _, pod := range pods {
		address := l.forward(ctx, pod)
		l.run(func() {
			for tick := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; <-tick.C {
				l.handshake(ctx, pod, address)
			}
		})
	}
	l.stage.eventually("every replica has been called", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.served) == len(pods)
	})
}

// forward opens a port to the pod's webhook.
func (l *certLoad) forward(ctx context.Context, pod string) (address string) {
	l.stage.t.Helper()
	cmd := l.stage.cluster.Command(ctx, "kubectl", "port-forward", "-n", shop.HoldfastNamespace, "pod/"+pod, ":9443")
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.stage.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.stage.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		l.stage.t.Fatalf("forward a port to %s: %v", pod, err)
	}
	l.run(func() {
		for err == nil { // it says every connection
			_, err = lines.ReadString('\n')
		}
		_ = cmd.Wait()
	})
	return strings.Fields(line)[2] // Forwarding from 127.0.0.1:PORT -> 9443
}

func (l *certLoad) handshake(ctx context.Context, pod, address string) {
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // it is verified below, by each bundle
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		if ctx.Err() == nil {
			l.record(&l.handshakes, fmt.Sprintf("call %s: %v", pod, err))
		}
		return
	}
	leaf := connection.(*tls.Conn).ConnectionState().PeerCertificates[0]
	_ = connection.Close()
	for _, bundle := range l.believed() {
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(bundle)
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "holdfast-webhook." + shop.HoldfastNamespace + ".svc"}); err != nil {
			l.record(&l.handshakes, fmt.Sprintf("certificate %x of %s: %v", leaf.SerialNumber, pod, err))
			return
		}
	}
	l.record(&l.handshakes, "")
	l.mu.Lock()
	l.served[pod] = leaf.SerialNumber.Text(16)
	l.mu.Unlock()
}

// serials are those of all certificates that are served now.
func (l *certLoad) serials() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Compact(slices.Sorted(maps.Values(l.served)))
}
