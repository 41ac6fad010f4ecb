package shop

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// traefik is installed once for all scenarios of a package that need it. That builds it where nobody has yet.
var traefik = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	return World.Cluster.Traefik(ctx, os.Stderr)
})

// skipper is installed once, as traefik is.
var skipper = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
	defer cancel()
	return World.Cluster.Skipper(ctx, os.Stderr)
})

// NeedSkipper has a gateway in the cluster that copies requests.
func NeedSkipper(t *testing.T) {
	t.Helper()
	if err := skipper(); err != nil {
		t.Fatal(err)
	}
}

// NeedTraefik has a gateway in the cluster.
func NeedTraefik(t *testing.T) {
	t.Helper()
	if err := traefik(); err != nil {
		t.Fatal(err)
	}
}

// Traefik is the parentRef of a route that the gateway follows.
const Traefik = "{name: web, namespace: traefik}"

// Skipper is that of one that Skipper follows; a shop is told that requests come that way by its Via.
const (
	Skipper    = "{name: web, namespace: skipper}"
	ViaSkipper = "skipper"
)

// via is the name of the namespace and of the Service of the gateway by which requests come.
func (s *Shop) via() string { return cmp.Or(s.Via, "traefik") }

// RouteBy is a route by which a gateway sends what is asked of it below the name of the namespace to the
// Service web.
func (s *Shop) RouteBy(parent string) string {
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  parentRefs: [%s]
  rules:
  - matches: [{path: {type: PathPrefix, value: /%s}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
    backendRefs: [{name: web, port: 80}]
`, parent, s.Namespace)
}

// Gateway sends requests to the gateway of the cluster.
type Gateway struct {
	client *http.Client
	url    string
	// name and value are of a header that its requests have, where they have one.
	name, value string
	// body is what its requests send, "" for GET.
	body string
}

// Posting has the requests send a body.
func (g Gateway) Posting(body string) Gateway {
	g.body = body
	return g
}

// With has the requests have a header.
func (g Gateway) With(name, value string) Gateway {
	g.name, g.value = name, value
	return g
}

// Gateway asks for what the route of the shop leads to.
func (s *Shop) Gateway() Gateway {
	s.T.Helper()
	config, err := World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	asker, err := rest.HTTPClientFor(config)
	if err != nil {
		s.T.Fatal(err)
	}
	return Gateway{client: asker, url: config.Host + "/api/v1/namespaces/" + s.via() + "/services/" + s.via() + ":web/proxy/" + s.Namespace}
}

// Pod asks a pod of the shop for what is at a path.
func (s *Shop) Pod(name, path string) Gateway {
	s.T.Helper()
	g := s.Gateway()
	config, err := World.Cluster.RESTConfig()
	if err != nil {
		s.T.Fatal(err)
	}
	g.url = config.Host + "/api/v1/namespaces/" + s.Namespace + "/pods/" + name + ":8080/proxy" + path
	return g
}

// Text is the answer to a request, "" where it fails.
func (g Gateway) Text(ctx context.Context) string {
	text, _ := g.ask(ctx)
	return text
}

// AwaitGateway waits until the gateway follows the route of the shop.
func (s *Shop) AwaitGateway() {
	s.T.Helper()
	g := s.Gateway()
	Until(s, "the gateway follows the route", func() bool { return g.Ask(s.T.Context()) == "v1" })
}

// Ask sends a request and returns the version that answers, "" where it fails.
func (g Gateway) Ask(ctx context.Context) string {
	_, version := g.ask(ctx)
	return version
}

func (g Gateway) ask(ctx context.Context) (text, version string) {
	method := http.MethodGet
	if g.body != "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, g.url, strings.NewReader(g.body))
	if err != nil {
		return "", ""
	}
	if g.name != "" {
		request.Header.Set(g.name, g.value)
	}
	answer, err := g.client.Do(request)
	if err != nil {
		return "", ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return "", ""
	}
	return string(body), answer.Header.Get("X-App-Version")
}

// Count sends n requests, four at a time, and counts the versions that answer.
func (g Gateway) Count(ctx context.Context, n int) map[string]int {
	counts := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan struct{}, n)
	for range n {
		next <- struct{}{}
	}
	close(next)
	for range 4 {
		all.Go(func() {
			for range next {
				version := g.Ask(ctx)
				mu.Lock()
				counts[version]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return counts
}

// LoadGateway has a pod send requests to the gateway, each by a connection of its own, until the shop is
// closed. It returns when they are answered.
func (s *Shop) LoadGateway(qps int) {
	s.T.Helper()
	s.Must("apply", "-f", "-", strings.NewReplacer(
		`"--service=web"`, fmt.Sprintf(`"--namespace=%[1]s", "--service=%[1]s", "--path=/%[2]s"`, s.via(), s.Namespace), "--qps=30", fmt.Sprintf("--qps=%d", qps)).Replace(LoadManifest))
	Until(s, "the load is answered", func() bool { return s.Loaded()["200"] > 0 })
}

// Loaded is how many requests of LoadGateway had which result.
func (s *Shop) Loaded() map[string]int {
	s.T.Helper()
	var pods corev1.PodList
	if err := World.Client.List(s.T.Context(), &pods, InNamespace(s), client.MatchingLabels{"app": "load"}); err != nil {
		s.T.Fatal(err)
	}
	out := map[string]int{}
	if len(pods.Items) != 1 {
		return out
	}
	stdout, _, _ := s.Kubectl("get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics", s.Namespace, pods.Items[0].Name))
	for lines := bufio.NewScanner(strings.NewReader(stdout)); lines.Scan(); {
		result, found := strings.CutPrefix(lines.Text(), `load_requests_total{result="`)
		name, value, _ := strings.Cut(result, `"} `)
		if n, err := strconv.ParseFloat(value, 64); found && err == nil && n > 0 {
			out[name] = int(n)
		}
	}
	return out
}

// WantNoneFailed checks that of the requests of LoadGateway there are at least so many, and that none failed.
func (s *Shop) WantNoneFailed(least int) {
	s.T.Helper()
	results := s.Loaded()
	if len(results) != 1 || results["200"] < least {
		s.T.Errorf("the requests through the gateway had the results %v, want 200 alone and at least %d times", results, least)
	}
	s.T.Logf("%d requests through the gateway, results: %v", results["200"], results)
}
