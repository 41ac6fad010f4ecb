package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
)

const (
	askedOfIstio = `[{route: [{destination: {host: shop}}]}]`
	laidForIstio = `[{route: [{destination: {host: shop}, weight: 95}, {destination: {host: shop-canary}, weight: 5}]}]`
)

// virtualService is one of these annotations, owners of fields and rules, in a version of the API.
func virtualService(t *testing.T, version string, annotations map[string]string, managedFields, rules string) map[string]any {
	t.Helper()
	asIstios := strings.NewReplacer("gateway.networking.k8s.io/v1", "networking.istio.io/v1", "f:hostnames", "f:hosts", "f:rules", "f:http")
	out := httpRoute(t, annotations, asIstios.Replace(managedFields), rules)
	out["apiVersion"], out["kind"] = "networking.istio.io/"+version, "VirtualService"
	spec := out["spec"].(map[string]any)
	spec["http"], spec["tcp"] = spec["rules"], []any{map[string]any{"route": []any{map[string]any{"destination": map[string]any{"host": "shop"}}}}}
	delete(spec, "rules")
	return out
}

func TestAVirtualServiceAppliedAgainStaysAsItIs(t *testing.T) {
	for _, version := range []string{"v1", "v1beta1", "v1alpha3"} {
		t.Run(version, func(t *testing.T) {
			overlay := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", askedOfIstio)}
			standing := func() map[string]any { return virtualService(t, version, overlay, owners, laidForIstio) }
			for name, tc := range map[string]struct {
				by   sender
				sent map[string]any
			}{
				"server-side apply":          {sender{"ci", "gitops"}, virtualService(t, version, overlay, reapplied, askedOfIstio)},
				"a replace of what was read": {sender{"ann", "kubectl-replace"}, standing()},
			} {
				stored, warnings := send(t, tc.by, standing(), tc.sent)
				if diff := cmp.Diff(standing(), stored); diff != "" || len(warnings) > 0 {
					t.Errorf("%s: warnings %v, the VirtualService has changed (-want +got):\n%s", name, warnings, diff)
				}
			}
		})
	}
}

func TestAnotherWishOfAVirtualServiceIsStoredWithTheOverlay(t *testing.T) {
	const other = `[{name: new, route: [{destination: {host: shop.ns.svc.cluster.local}, weight: 50}, {destination: {host: old}, weight: 50}]}]`
	const stored = `[{name: new, route: [{destination: {host: shop.ns.svc.cluster.local}, weight: 95}, {destination: {host: old}, weight: 100}, {destination: {host: shop-canary.ns.svc.cluster.local}, weight: 5}]}]`
	overlay := map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", askedOfIstio)}
	got, warnings := send(t, sender{"ci", "gitops"}, virtualService(t, "v1", overlay, owners, laidForIstio), virtualService(t, "v1", nil, reapplied, other))
	want := virtualService(t, "v1", map[string]string{v1alpha1.OverlayAnnotation: record(t, "u", "shop-canary", other)}, reapplied, stored)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "holdfast: your change is stored with the share of a canary on it") {
		t.Errorf("warnings: %v", warnings)
	}
}

// TestTheRecordSaysWhichSubsetsGiveAShare: the webhook does not look which pods are in them.
func TestTheRecordSaysWhichSubsetsGiveAShare(t *testing.T) {
	const other = `[{name: new, route: [{destination: {host: shop, subset: ours}, weight: 20}, {destination: {host: shop, subset: theirs}, weight: 20}]}]`
	sealed, err := route.Seal(key, route.Record{UID: "u", Run: "shop-1", Service: "shop", Canary: "shop-canary", Parts: []string{"ours"}, Percent: 5, Rules: rulesOf(t, askedOfIstio)})
	if err != nil {
		t.Fatal(err)
	}
	before := virtualService(t, "v1", map[string]string{v1alpha1.OverlayAnnotation: sealed}, owners, laidForIstio)
	got, _ := send(t, sender{"ci", "gitops"}, before, virtualService(t, "v1", nil, reapplied, other))
	want := rulesOf(t, `[{name: new, route: [{destination: {host: shop, subset: ours}, weight: 19}, {destination: {host: shop, subset: theirs}, weight: 20}, {destination: {host: shop-canary}, weight: 1}]}]`)
	if diff := cmp.Diff(want, got["spec"].(map[string]any)["http"]); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

// TestRulesForRequestsThatMatchStandBeforeTheUsers in a VirtualService, whose first rule that fits is taken;
// whoever writes the user's text again, or what stands there, changes nothing.
func TestRulesForRequestsThatMatchStandBeforeTheUsers(t *testing.T) {
	const laid = `[{match: [{headers: {x-canary: {exact: always}}}], route: [{destination: {host: shop-canary}, weight: 100}]}, {route: [{destination: {host: shop}}]}]`
	const other = `[{match: [{uri: {prefix: /a}}], route: [{destination: {host: old}}]}, {timeout: 5s, route: [{destination: {host: shop}}]}]`
	const otherLaid = `[{match: [{uri: {prefix: /a}}], route: [{destination: {host: old}}]},
		{match: [{headers: {x-canary: {exact: always}}}], timeout: 5s, route: [{destination: {host: shop-canary}, weight: 100}]}, {timeout: 5s, route: [{destination: {host: shop}}]}]`
	seal := func(rules string) map[string]string {
		t.Helper()
		out, err := route.Seal(key, route.Record{UID: "u", Run: "shop-1", Service: "shop", Canary: "shop-canary",
			Match: []route.Header{{Name: "X-Canary", Type: "Exact", Value: "always"}}, Rules: rulesOf(t, rules)})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{v1alpha1.OverlayAnnotation: out}
	}
	for name, tc := range map[string]struct{ sent, want, asked, told string }{
		"the user's text again":  {askedOfIstio, laid, askedOfIstio, ""},
		"what stands there":      {laid, laid, askedOfIstio, ""},
		"another text":           {other, otherLaid, other, "your change is stored with the share of a canary on it"},
		"a change of the copy":   {strings.Replace(laid, "[{match", "[{timeout: 9s, match", 1), laid, askedOfIstio, "what you changed is the canary's, and stays as it is"},
		"a change of the second": {strings.Replace(laid, "{route", "{timeout: 5s, route", 1), strings.NewReplacer("[{match", "[{timeout: 5s, match", "{route", "{timeout: 5s, route").Replace(laid), strings.Replace(askedOfIstio, "{route", "{timeout: 5s, route", 1), "your change was taken as one of the route without the share of a canary"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "a change of the second" && tc.sent == laid {
				t.Fatal("nothing is changed")
			}
			got, warnings := send(t, sender{"jane", "kubectl"}, virtualService(t, "v1", seal(askedOfIstio), "", laid), virtualService(t, "v1", nil, "", tc.sent))
			if diff := cmp.Diff(virtualService(t, "v1", seal(tc.asked), "", tc.want), got); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			if said := strings.Join(warnings, "\n"); (said == "") != (tc.told == "") || !strings.Contains(said, tc.told) {
				t.Errorf("its sender is told %q, want %q", said, tc.told)
			}
		})
	}
}
