package traffic

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// istio is installed once for all scenarios that need its kinds. Nobody follows them, and nobody says so of a
// VirtualService where there is somebody.
var istio = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	return shop.World.Cluster.Istio(ctx)
})

func needIstio(t *testing.T) {
	t.Helper()
	if err := istio(); err != nil {
		t.Fatal(err)
	}
}

func newVirtualService() *unstructured.Unstructured {
	out := &unstructured.Unstructured{}
	out.SetGroupVersionKind(schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1", Kind: "VirtualService"})
	return out
}

// destinationsOf are those of a VirtualService, such as "web/v2:90 canary:10".
func (s scene) destinationsOf(name string) string {
	s.T.Helper()
	rules, _, _ := unstructured.NestedSlice(shop.Get(s.Shop, name, newVirtualService()).Object, "spec", "http")
	var out []string
	for _, rule := range rules {
		destinations, _, _ := unstructured.NestedSlice(rule.(map[string]any), "route")
		for _, d := range destinations {
			host, _, _ := unstructured.NestedString(d.(map[string]any), "destination", "host")
			subset, _, _ := unstructured.NestedString(d.(map[string]any), "destination", "subset")
			if strings.HasPrefix(host, "web-canary-") {
				host = "canary"
			}
			out = append(out, fmt.Sprintf("%s/%s:%v", host, subset, d.(map[string]any)["weight"]))
		}
	}
	return strings.ReplaceAll(strings.Join(out, " "), "/:", ":")
}

// example is the manifest that docs/how-to/traffic.md has for Istio.
func example(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../../docs/how-to/traffic.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Istio\n")
	_, yaml, found := strings.Cut(section, "```yaml\n")
	yaml, _, closed := strings.Cut(yaml, "```")
	if !found || !closed {
		t.Fatal("docs/how-to/traffic.md has no example for Istio")
	}
	return yaml
}

// versions are a VirtualService with a subset for each version, as a mesh has for two Deployments behind one
// Service.
const versions = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: versions}
spec: {hosts: [versions], http: [{route: [{destination: {host: web, subset: v1}, weight: 50}, {destination: {host: web, subset: v0}, weight: 50}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: web}
spec: {host: web, subsets: [{name: v1, labels: {app: web}}, {name: v0, labels: {app: old}}]}
`

// TestTheExampleForIstio is its user's whatever they write, in whichever version of the API, and so is a
// VirtualService with subsets, of which only the Deployment's gives the canary a share. Nobody says that they
// are followed, so the step waits for the drain time.
func TestTheExampleForIstio(t *testing.T) {
	t.Parallel()
	needIstio(t)
	s := open(t, weightedPlan(`[{weight: 10, approval: true}]`))
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", example(t))
	s.Must("apply", "-f", "-", versions)
	before := asked(shop.Get(s.Shop, "web", newVirtualService()))
	want := func(did, name, destinations string) {
		t.Helper()
		if got := s.destinationsOf(name); got != destinations {
			t.Errorf("%s: the VirtualService has %s, want %s", did, got, destinations)
		}
	}
	run := s.AwaitPhase(s.HoldV2().Name, v1alpha1.PhasePaused)
	if waited := run.Status.Step.ReadyAt.Sub(run.Status.Weight.Since.Time); waited < 2*time.Second {
		t.Errorf("the period began %s after the share was laid, want the drain time of 2s", waited)
	}
	want("at 10 %", "web", "web:81 legacy:10 canary:9 web:90 canary:10")
	want("with subsets", "versions", "web/v1:45 web/v0:50 canary:5")
	s.Must("diff", "--server-side", "--field-manager=gitops", "-f", "-", example(t))
	said := s.Must("patch", "virtualservices.v1beta1.networking.istio.io", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/http/0/timeout","value":"7s"}]`)
	want("a field that is patched in another version", "web", "web:81 legacy:10 canary:9 web:90 canary:10")
	if !strings.Contains(said, "taken as one of the route without the share of a canary") {
		t.Errorf("its writer is not told: %s", said)
	}
	s.Must("patch", "virtualservice", "web", "--type=json", "-p", `[{"op":"remove","path":"/spec/http/0/timeout"}]`)
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	after := shop.Get(s.Shop, "web", newVirtualService())
	after.SetManagedFields(nil) // they name who patched it
	if was := withoutManagers(t, before); asked(after) != was {
		t.Errorf("after the run it is\n%s\nand was\n%s", asked(after), was)
	}
	want("with subsets, after the run", "versions", "web/v1:50 web/v0:50")
}

func withoutManagers(t *testing.T, text string) string {
	t.Helper()
	out := newVirtualService()
	if err := out.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	out.SetManagedFields(nil)
	return asked(out)
}

// TestOfVirtualServicesHoldfastChangesTheRulesOnly, and its record, whatever RBAC would allow.
func TestOfVirtualServicesHoldfastChangesTheRulesOnly(t *testing.T) {
	t.Parallel()
	needIstio(t)
	s := open(t, "")
	s.Must("apply", "-f", "-", example(t))
	s.Must("create", "role", "look-at-routes", "--verb=get", "--resource=virtualservices.networking.istio.io")
	s.Must("create", "rolebinding", "look-at-routes", "--role=look-at-routes", "--serviceaccount=holdfast-system:holdfast")
	s.AwaitCan("system:serviceaccount:holdfast-system:holdfast", "get", "virtualservices.networking.istio.io")
	for patch, allowed := range map[string]bool{
		`{"spec":{"http":[{"route":[{"destination":{"host":"other"}}]}]}}`:                         true,
		`{"metadata":{"annotations":{"holdfast.dev/overlay":"x"}}}`:                                true,
		`{"spec":{"hosts":["other"]}}`:                                                             false,
		`{"spec":{"gateways":["other"]}}`:                                                          false,
		`{"spec":{"exportTo":["*"]}}`:                                                              false,
		`{"spec":{"tcp":[{"route":[{"destination":{"host":"a"}}]}]}}`:                              false,
		`{"spec":{"tls":[{"match":[{"sniHosts":["a"]}],"route":[{"destination":{"host":"a"}}]}]}}`: false,
		`{"metadata":{"labels":{"a":"b"}}}`:                                                        false,
		`{"metadata":{"annotations":{"a":"b"}}}`:                                                   false,
		`{"metadata":{"annotations":null}}`:                                                        false,
		`{"metadata":{"finalizers":["example.com/other"]}}`:                                        false,
	} {
		_, stderr, code := s.Kubectl("patch", "virtualservice", "web", "--type=merge", "-p", patch, "--dry-run=server", asHoldfast)
		if (code == 0) != allowed || !allowed && !strings.Contains(stderr, "of VirtualServices Holdfast changes nothing but the rules for http and its record") {
			t.Errorf("Holdfast patches %s: exit code %d %s", patch, code, stderr)
		}
	}
}

// TestMatchesOverAVirtualServiceStandBeforeItsRules, each before the one it is made of: the API server takes
// them, whoever applies it again changes nothing, and at the end it is what its user asked for.
func TestMatchesOverAVirtualServiceStandBeforeItsRules(t *testing.T) {
	t.Parallel()
	needIstio(t)
	s := open(t, weightedPlan(`[{match: `+byHeader+`, approval: true}, {match: {cookie: {name: ring, value: inner}}, weight: 10, approval: true}]`))
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", example(t))
	before := asked(shop.Get(s.Shop, "web", newVirtualService()))
	run := s.HoldV2()
	want := func(step int32, destinations, match string) {
		t.Helper()
		s.awaitStep(run.Name, step)
		if got := s.destinationsOf("web"); got != destinations {
			t.Errorf("at step %d the VirtualService has %s, want %s", step, got, destinations)
		}
		stands := shop.Get(s.Shop, "web", newVirtualService())
		rules, _, _ := unstructured.NestedSlice(stands.Object, "spec", "http")
		if got := fmt.Sprint(rules[2].(map[string]any)["match"]); len(rules) != 4 || got != match {
			t.Errorf("at step %d the third of %d rules is for %s, want %s", step, len(rules), got, match)
		}
		for _, args := range [][]string{
			{"apply", "--server-side", "--field-manager=gitops", "-f", "-"}, {"replace", "-f", "-"}, {"diff", "--server-side", "--field-manager=gitops", "-f", "-"},
		} {
			s.Must(append(args, example(t))...)
			if now := shop.Get(s.Shop, "web", newVirtualService()); now.GetResourceVersion() != stands.GetResourceVersion() {
				t.Errorf("kubectl %s has changed it:\n%s\nwas\n%s", strings.Join(args, " "), asked(now), asked(stands))
			}
		}
	}
	want(1, "canary:90 legacy:10 web:90 legacy:10 canary:100 web:<nil>", "[map[headers:map[x-canary:map[exact:always]]]]")
	said := s.Must("patch", "virtualservice", "web", "--type=json", "-p", `[{"op":"add","path":"/spec/http/2/timeout","value":"7s"}]`)
	if !strings.Contains(said, "what you changed is the canary's, and stays as it is") {
		t.Errorf("who changes a copy is told: %s", said)
	}
	s.Decide(run.Name, `"approvedSteps":1`)
	want(2, "canary:90 legacy:10 web:81 legacy:10 canary:9 canary:100 web:90 canary:10", "[map[headers:map[cookie:map[regex:^(.*; *)?ring=inner( *;.*)?$]]]]")
	s.Decide(run.Name, `"decision":"Abort"`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	if now := withoutManagers(t, asked(shop.Get(s.Shop, "web", newVirtualService()))); now != withoutManagers(t, before) {
		t.Errorf("after the run it is\n%s\nand was\n%s", now, before)
	}
}
