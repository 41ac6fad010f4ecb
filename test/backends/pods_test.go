package backends

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// pod is one that serves forty requests a second, and exports what a usual client library does.
type pod struct {
	name string
	set  string
	// tenant is its namespace; "" is shop.
	tenant string
	// share of requests that fail, and seconds that one takes.
	failing, takes float64
	// restartsAfter is when it begins to count anew; 0 is never.
	restartsAfter time.Duration
	// begins is when it answers first, ends when it is gone; 0 is never.
	begins, ends time.Duration
	// burst is how many requests failed, all at once and no more after that, at the time of bursts.
	burst int
}

const (
	// ofBursts is when requests fail for the first time of a pod that has a burst: its counter of failures is
	// born with them.
	ofBursts = 58 * time.Second
	// ofReplacements is when some canaries lose a pod, and another comes in its place, with counters that are
	// born then.
	ofReplacements = 30 * time.Second
)

// shop is the namespace of most pods, and books that of a neighbour.
const shop, books = "shop", "books"

// The pods of the world: two that serve well, two canaries of each kind, one that restarts, well or not,
// those that came later, those that came in the place of others and serve well or do not, those whose counter
// of failures is born with all that it ever counts, and a neighbour's, which are called as two of the
// canaries are and are what those are not.
var pods = []pod{
	{name: "web-1-a", set: "web-1", takes: 0.05}, {name: "web-1-b", set: "web-1", takes: 0.05},
	{name: "good-a", set: "good", takes: 0.05}, {name: "good-b", set: "good", takes: 0.05},
	{name: "bad-a", set: "bad", failing: 0.3, takes: 0.05}, {name: "bad-b", set: "bad", failing: 0.3, takes: 0.05},
	{name: "slow-a", set: "slow", takes: 0.7}, {name: "slow-b", set: "slow", takes: 0.7},
	{name: "again-a", set: "again", takes: 0.05, restartsAfter: 35 * time.Second}, {name: "again-b", set: "again", takes: 0.05},
	{name: "worse-a", set: "worse", failing: 0.3, takes: 0.05, restartsAfter: 35 * time.Second}, {name: "worse-b", set: "worse", failing: 0.3, takes: 0.05},
	{name: "new-a", set: "new", takes: 0.05, begins: 20 * time.Second}, {name: "new-b", set: "new", takes: 0.05, begins: 20 * time.Second},
	{name: "born-a", set: "born", takes: 0.05, burst: 9}, {name: "born-b", set: "born", takes: 0.05, burst: 30},
	{name: "well-a", set: "well", takes: 0.05}, {name: "well-b", set: "well", takes: 0.05, ends: ofReplacements},
	{name: "well-c", set: "well", takes: 0.05, begins: ofReplacements},
	{name: "sick-a", set: "sick", takes: 0.05}, {name: "sick-b", set: "sick", takes: 0.05, ends: ofReplacements},
	{name: "sick-c", set: "sick", failing: 0.5, takes: 0.05, begins: ofReplacements},
	{name: "good-a", set: "their-bad", tenant: books, failing: 0.3, takes: 0.05}, {name: "good-b", set: "their-bad", tenant: books, failing: 0.3, takes: 0.05},
	{name: "bad-a", set: "their-good", tenant: books, takes: 0.05}, {name: "bad-b", set: "their-good", tenant: books, takes: 0.05},
}

func (p pod) namespace() string {
	if p.tenant != "" {
		return p.tenant
	}
	return shop
}

// isThere says whether it answers when the world is that old.
func (p pod) isThere(since time.Duration) bool {
	return since > p.begins && (p.ends == 0 || since < p.ends)
}

const (
	perSecond = 40.0
	scrape    = time.Second
)

// export writes what a pod has counted since it was made, or began anew.
func (p pod) export(w *bytes.Buffer, since time.Duration) {
	if p.restartsAfter > 0 && since > p.restartsAfter {
		since -= p.restartsAfter
	}
	for _, m := range meters {
		m.export(w, p, since)
	}
	fmt.Fprintf(w, "# TYPE queue_length gauge\nqueue_length %d\n# TYPE jobs_total counter\njobs_total 0\njobs_failed_total 0\n", len(p.name))
}

// application serves /metrics of all pods from when it is begun, which is when all that scrapes them is
// there.
func application(t *testing.T) (address string, begin func() time.Time) {
	t.Helper()
	var epoch atomic.Pointer[time.Time]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := epoch.Load()
		if began == nil {
			http.NotFound(w, r)
			return
		}
		for _, p := range pods {
			if since := time.Since(*began); r.URL.Path == "/"+p.namespace()+"/"+p.name && p.isThere(since) {
				var out bytes.Buffer
				p.export(&out, since)
				w.Header().Set("Content-Type", "text/plain; version=0.0.4")
				_, _ = w.Write(out.Bytes())
				return
			}
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() time.Time {
		now := time.Now()
		epoch.Store(&now)
		return now
	}
}

// scrapeConfig is what Prometheus and VictoriaMetrics both read. Series name their pod by two pairs of
// labels, the usual one and that of old configs.
func scrapeConfig(t *testing.T, target string) string {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "global: {scrape_interval: %s, external_labels: {replica: a}}\nscrape_configs:\n- job_name: pods\n  relabel_configs:\n"+
		"  - {source_labels: [namespace, pod], separator: /, target_label: __metrics_path__, replacement: /$1}\n  static_configs:\n", scrape)
	for _, p := range pods {
		fmt.Fprintf(&out, "  - {targets: [%q], labels: {namespace: %[2]s, pod: %[3]s, kubernetes_namespace: %[2]s, kubernetes_pod_name: %[3]s, team: %[2]s, cluster: eu-1}}\n",
			target, p.namespace(), p.name)
	}
	return fileOf(t, out.String())
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
