package istio

import (
	"math"
	"testing"

	"istio.io/istio/pkg/config/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"holdfast.dev/holdfast/internal/route"
)

func rulesOf(t *testing.T, text string) []any {
	t.Helper()
	var out []any
	if err := utiljson.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// lay lays a share over rules, and has Istio's own validation take what comes of it.
func lay(t *testing.T, user string, percent int64, match ...route.Header) []any {
	t.Helper()
	dialect, _ := route.DialectOf("networking.istio.io", "VirtualService")
	laid, err := dialect.Lay(route.Overlay{Namespace: "shop", Service: "web", Canary: "web-canary", Parts: []string{"ours"}, Percent: percent, Match: match}, rulesOf(t, user))
	if err != nil {
		t.Fatal(err)
	}
	if warning, err := validation.ValidateVirtualService(virtualService(t, laid)); warning != nil || err != nil {
		t.Errorf("Istio says of %v: %v %v", laid, warning, err)
	}
	return laid
}

var (
	header = route.Header{Name: "X-Canary", Type: "Exact", Value: "always"}
	cookie = route.Header{Name: "Cookie", Type: "RegularExpression", Value: "^(.*; *)?ring=inner( *;.*)?$"}
)

// TestIstioTakesWhatIsLaid by its own validation, which has no warning either: no rule is behind one that
// takes all.
func TestIstioTakesWhatIsLaid(t *testing.T) {
	for name, user := range map[string]string{
		"one destination":              `[{"route": [{"destination": {"host": "web"}}]}]`,
		"several, and several matches": `[{"match": [{"uri": {"prefix": "/a"}}, {"headers": {"x-env": {"prefix": "t"}}, "withoutHeaders": {"x-canary": {}}}], "route": [{"destination": {"host": "web"}, "weight": 90}, {"destination": {"host": "legacy"}, "weight": 10}]}, {"route": [{"destination": {"host": "web.shop.svc.cluster.local"}}]}]`,
		"subsets":                      `[{"name": "a", "route": [{"destination": {"host": "web", "subset": "ours"}, "weight": 50}, {"destination": {"host": "web", "subset": "theirs"}, "weight": 50}]}]`,
		"all that a rule may have":     `[{"name": "a", "timeout": "5s", "retries": {"attempts": 2}, "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}}}, "mirror": {"host": "legacy"}, "rewrite": {"uri": "/"}, "headers": {"request": {"set": {"a": "b"}}}, "route": [{"destination": {"host": "web", "port": {"number": 80}}}]}]`,
		"a redirect before it":         `[{"match": [{"uri": {"exact": "/a"}}], "redirect": {"uri": "/b"}}, {"route": [{"destination": {"host": "web"}}]}]`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, percent := range []int64{0, 1, 50, 100} {
				lay(t, user, percent)
				lay(t, user, percent, header)
				lay(t, user, percent, header, cookie)
			}
		})
	}
}

// wantShare checks which share of n calls a Service answers, within four times what chance moves it by.
func (m mesh) wantShare(counts map[string]int, who string, percent float64, n int) {
	m.Helper()
	share := percent / 100
	want, bound := share*float64(n), 4*math.Sqrt(share*(1-share)*float64(n))
	if math.Abs(float64(counts[who])-want) > bound {
		m.Errorf("of %d calls %s has answered %v, want %v ± %.0f", n, who, counts, want, bound)
	}
	m.Logf("of %d calls %s is to have %v %%: %v", n, who, percent, counts)
}

// TestCallsOfAMeshGoWhereTheyAreToGo by Istio's control plane and its clients: the share beside the user's
// proportions, the calls that match, those that a rule before sends elsewhere; and when it is off, all as
// before.
func TestCallsOfAMeshGoWhereTheyAreToGo(t *testing.T) {
	const user = `[{"match": [{"headers": {"x-old": {"exact": "yes"}}}], "route": [{"destination": {"host": "legacy"}}]},
		{"route": [{"destination": {"host": "web"}, "weight": 80}, {"destination": {"host": "legacy"}, "weight": 20}]}]`
	m := open(t, rulesOf(t, user))
	const n = 1000
	counts := m.count(n)
	m.wantShare(counts, "legacy", 20, n)
	m.wantShare(counts, "web-canary", 0, n)

	m.follow(lay(t, user, 25))
	m.await("web-canary")
	counts = m.count(n)
	m.wantShare(counts, "web-canary", 20, n) // a quarter of 80 %
	m.wantShare(counts, "legacy", 20, n)

	m.follow(lay(t, user, 0, header))
	m.awaitNone("web-canary")
	m.await("web-canary", "x-canary", "always")
	counts = m.count(n, "x-canary", "always")
	m.wantShare(counts, "web-canary", 80, n)
	m.wantShare(counts, "web", 0, n)
	m.wantShare(m.count(n, "x-canary", "never"), "web-canary", 0, n)
	if counts := m.count(100, "x-canary", "always", "x-old", "yes"); counts["legacy"] != 100 {
		t.Errorf("what a rule before sends elsewhere is answered by %v", counts)
	}

	m.follow(lay(t, user, 0, cookie))
	m.await("web-canary", "cookie", "a=b; ring=inner; c=d")
	m.wantShare(m.count(n, "cookie", "a=b; ring=inner"), "web-canary", 80, n)
	if counts := m.count(100, "cookie", "a=b; ring=innermost"); counts["web-canary"] != 0 {
		t.Errorf("another cookie is answered by %v", counts)
	}

	m.follow(rulesOf(t, user))
	m.awaitNone("web-canary")
	m.wantShare(m.count(n, "cookie", "ring=inner"), "web-canary", 0, n)
}
