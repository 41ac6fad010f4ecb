// Package backends has the same pods scraped by Prometheus and by what else answers PromQL, and holds what
// Holdfast makes of each against the other.
package backends

import (
	"flag"
	"strings"
	"testing"
	"time"
)

var withThanos = flag.Bool("thanos", false, "ask Thanos too, which takes minutes to build (make test-backends)")

var withMimir = flag.Bool("mimir", false, "ask Mimir too, which takes longer to build (make test-backends)")

// world is the pods, and what has scraped them or been written their samples since it began.
type world struct {
	began, now time.Time
	// prometheus is what the others are held against; thanos and mimir are "" if they are not asked.
	prometheus, victoria, receiver, thanos, thanosOfTenants, mimir string
}

// ready is when canaries are.
const ready = 5 * time.Second

// sets are the canaries of the matrix, and fails is what says so of those that are bad.
var (
	sets  = []string{"good", "bad", "slow", "again", "worse", "born", "well", "sick"}
	fails = map[string]string{"bad": "success", "born": "success", "slow": "latency", "sick": "success", "worse": "success"}
)

// backend is what answers, and how Holdfast's administrator has it asked.
type backend struct {
	name, address, settings string
	// born is what increase() makes of a counter that is born at 9.
	born float64
	// punctual: with these settings its newest sample is never older than it may be.
	punctual bool
}

func (w world) backends() []backend {
	out := []backend{
		{"VictoriaMetrics, its latency taken back", w.victoria, settings(shortDelay, latencyTakenBack), 9, false},
		{"VictoriaMetrics, its latency waited for", w.victoria, settings(longDelay), 9, false},
		{"an agent that writes to Prometheus", w.receiver, settings("delay: 10s"), 0, true},
	}
	if w.thanos != "" {
		out = append(out, backend{"Thanos with a sidecar", w.thanos, settings(`arguments: {partial_response: "false"}`), 0, true})
	}
	if w.mimir != "" {
		out = append(out, backend{"Mimir, which an agent writes to", w.mimir, settings("delay: 10s", byMimirHeader), 0, true})
	}
	return out
}

// inhabited is a world that is old enough to be judged.
func inhabited(t *testing.T) world {
	t.Helper()
	target, begin := application(t)
	w, config := world{}, scrapeConfig(t, target)
	others := ""
	if *withMimir {
		w.mimir, others = mimirServer(t)
	}
	w.prometheus, w.victoria, w.receiver = prometheusServer(t, config), victoriaServer(t, config), agentAndReceiver(t, config, others)
	if *withThanos {
		store := thanosSidecar(t, w.prometheus)
		w.thanos = thanosQuery(t, store)
		w.thanosOfTenants = thanosQuery(t, store, "--query.enforce-tenancy", "--query.tenant-label-name=namespace")
	}
	w.began = begin()
	t.Log("75 s of samples are scraped")
	time.Sleep(time.Until(w.began.Add(75 * time.Second)))
	w.now = time.Now()
	return w
}

// TestEveryBackendComesToTheSameOutcomes, criterion by criterion, for canaries that are good, fail, are slow,
// restart, restart and fail, fail for the first time, or get a new pod, which serves well or does not; and
// for those of tenants who see their own series alone.
func TestEveryBackendComesToTheSameOutcomes(t *testing.T) {
	t.Parallel()
	w := inhabited(t)
	want := map[string]map[string]string{}
	for _, set := range sets {
		want[set] = outcomes(t, open(t, w.prometheus, ""), tried(t, set, w.began, ready, criteria), w.now)
		if at := fails[set]; want[set]["success"] == "" || at != "" && !strings.HasPrefix(want[set][at], "Failed") {
			t.Fatalf("%s: Prometheus itself came to %v", set, want[set])
		}
		agree(t, outcomes(t, open(t, w.prometheus, ""), tried(t, set, w.began, ready, presets()), w.now), asByApplication(want[set]))
		for _, backend := range w.backends() {
			if set == "born" && strings.Contains(backend.settings, longDelay) {
				continue // which looks at a time before the first failures
			}
			t.Run(set+" by "+backend.name, func(t *testing.T) {
				e := open(t, backend.address, backend.settings)
				agree(t, outcomes(t, e, tried(t, set, w.began, ready, criteria), w.now), want[set])
				agree(t, outcomes(t, e, tried(t, set, w.began, ready, presets()), w.now), asByApplication(want[set]))
			})
		}
	}
	countsFromTheFirst(t, w)
	isPunctual(t, w)
	tenantsSeeTheirOwn(t, w, want)
	documentedEndpoints(t, w, want)
	whatDiffers(t, w)
}

// isPunctual holds that what is scraped or written just now is called late of nobody whose settings are
// right.
func isPunctual(t *testing.T, w world) {
	t.Helper()
	for _, backend := range w.backends() {
		if !backend.punctual {
			continue
		}
		e := measured(t, backend.address, backend.settings)
		if t.Logf("%s: the newest sample is %s old", backend.name, e.SampleAge.Age); !e.SampleAge.Known || e.SampleAge.IsLate() {
			t.Errorf("%s: %+v", backend.name, e.SampleAge)
		}
	}
}
