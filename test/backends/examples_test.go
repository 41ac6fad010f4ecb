package backends

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/evaluator/promql"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/test/cluster/pki"
)

// What the docs say of endpoints in passing. The tests of this folder use each as it stands there.
const (
	byLabel          = "tenancy: {label: namespace}"
	byMatchers       = `tenancy: {matchers: ['team=~"{{namespace}}|shared"', 'cluster="eu-1"']}`
	latencyTakenBack = "arguments: {latency_offset: 1s}"
	shortDelay       = "delay: 5s"
	longDelay        = "delay: 30s"
	byExtraLabel     = "arguments: {latency_offset: 1s, extra_label: namespace=shop}"
	byExtraFilters   = `arguments: {latency_offset: 1s, "extra_filters[]": '{namespace="shop"}'}`
	byThanosHeader   = "headers: {THANOS-TENANT: shop}"
	byMimirHeader    = "headers: {X-Scope-OrgID: shop}"
	oldLabels        = "{namespace: kubernetes_namespace, pod: kubernetes_pod_name}"
	withUnderscores  = "{namespace: k8s_namespace_name, pod: k8s_pod_name}"
	withDots         = "{namespace: k8s.namespace.name, pod: k8s.pod.name}"
)

var inPassing = []string{byLabel, byMatchers, byExtraLabel, byExtraFilters, byThanosHeader, byMimirHeader, latencyTakenBack, shortDelay, longDelay, oldLabels, withUnderscores, withDots}

// settings are lines of an endpoint, as they stand in its file.
func settings(lines ...string) string {
	out := ""
	for _, line := range lines {
		if strings.HasPrefix(line, "{") {
			line = "labels: " + line
		}
		out += "  " + line + "\n"
	}
	return out
}

// TestTheSettingsInTheDocsAreThoseThatAreUsed: a setting that comes to the docs has to come to the tests too.
func TestTheSettingsInTheDocsAreThoseThatAreUsed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/how-to/connect-prometheus.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	prose := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(page), "")
	for _, span := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(prose, -1) {
		var fields map[string]any
		if yaml.Unmarshal([]byte(span[1]), &fields) != nil || len(fields) == 0 {
			continue
		}
		text := "endpoints:\n- name: x\n  url: http://x\n" + settings(span[1])
		if _, mistakes := endpoint.Parse([]byte(text), endpoint.PodLabels{}); len(mistakes) == 0 && !slices.Contains(found, span[1]) {
			found = append(found, span[1])
		}
	}
	slices.Sort(found)
	want := slices.Sorted(slices.Values(inPassing))
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("used here (-) and shown in the docs (+):\n%s", diff)
	}
}

// documentedEndpoints are used, each as it stands in the docs but for the host of its URL and the folder of
// its files.
func documentedEndpoints(t *testing.T, w world, want map[string]map[string]string) {
	t.Helper()
	asked := map[string]bool{}
	for path, text := range filesOfEndpoints(t) {
		defined, mistakes := endpoint.Parse([]byte(text), endpoint.PodLabels{Namespace: "namespace", Pod: "pod"})
		if len(mistakes) > 0 {
			t.Errorf("%s: %v", path, mistakes.ToAggregate())
		}
		dir := t.TempDir()
		held := newCredentials(t, dir)
		text = strings.ReplaceAll(text, "/etc/holdfast", dir)
		gates := map[string]*gate{}
		for _, e := range defined {
			gates[e.Name] = openGate(t, w, e, held)
			text = gates[e.Name].inPlaceOf(t, e, text)
		}
		file := filepath.Join(dir, "endpoints.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := promql.Open(file, endpoint.Definition{Labels: endpoint.PodLabels{Namespace: "namespace", Pod: "pod"}},
			promql.NewMetrics(prometheus.NewRegistry()), clock.RealClock{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range defined {
			t.Run("documented endpoint "+e.Name, func(t *testing.T) {
				asked[e.Name] = true
				useAsDocumented(t, w, e, all, gates[e.Name], want)
			})
		}
	}
	for name := range documented {
		if !asked[name] {
			t.Errorf("endpoint %s is no longer in the docs", name)
		}
	}
}

func useAsDocumented(t *testing.T, w world, e endpoint.Definition, all *promql.Endpoints, asked *gate, want map[string]map[string]string) {
	t.Helper()
	view, err := all.Find(shop, e.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asked.end(t) })
	for _, set := range []string{"good", "bad"} {
		got, want := outcomes(t, endpointOf(view), tried(t, set, w.began, ready, values), w.now), maps.Clone(want[set])
		for _, later := range []string{"errors-compared", "slow-compared"} {
			delete(want, later) // they wait for samples, as many as an endpoint with this scrapeInterval has after minutes
		}
		agree(t, got, want)
	}
	if _, err := all.Find(books, e.Name); (err == nil) != e.Serves(books) {
		t.Errorf("of another namespace: %v", err)
	}
}

// filesOfEndpoints are all that the docs show, by their page.
func filesOfEndpoints(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	block := regexp.MustCompile("(?s)```yaml\n(endpoints:\n.*?)```")
	err := filepath.WalkDir("../../docs", func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		page, err := os.ReadFile(path)
		for i, found := range block.FindAllStringSubmatch(string(page), -1) {
			out[path+strings.Repeat("'", i)] = found[1]
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("%d files of endpoints in the docs, %v", len(out), err)
	}
	return out
}

// credentials are those of a file of endpoints: an authority and the folder of what it has signed.
type credentials struct {
	authority *pki.Authority
	dir       string
}

// newCredentials writes the files that the docs name.
func newCredentials(t *testing.T, dir string) credentials {
	t.Helper()
	of := filepath.Join(dir, "prometheus")
	authority, err := pki.NewAuthority(of)
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Issue(pki.Identity{File: "tls", User: client}); err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{"thanos", "victoria"} {
		if err := os.CopyFS(filepath.Join(dir, each), os.DirFS(of)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"prometheus/token": token, "victoria/password": password} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return credentials{authority, of}
}

// TestTheJoinInTheDocsIsTheOneThatIsUsed for series whose pod stands on target_info alone
// (TestSeriesThatCameByOTLP).
func TestTheJoinInTheDocsIsTheOneThatIsUsed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/how-to/connect-prometheus.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := regexp.MustCompile("(?s)```promql\n(.*?)```").FindStringSubmatch(string(page))
	if shown == nil {
		t.Fatal("the docs show no query that joins")
	}
	plain := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	if !strings.Contains(plain(joined), plain(shown[1])) {
		t.Errorf("the docs show\n%s", shown[1])
	}
}
