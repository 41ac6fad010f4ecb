package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/route"
)

const (
	all     = `{path: {type: PathPrefix, value: /}}`
	asks    = `{path: {type: PathPrefix, value: /}, headers: [{name: X-Canary, type: Exact, value: always}]}`
	of      = `[{matches: [` + all + `], backendRefs: [{name: shop, port: 80, weight: 1}]}]`
	matched = `[{matches: [` + all + `], backendRefs: [{name: shop, port: 80, weight: 1}]}, {matches: [` + asks + `], backendRefs: [{name: shop-canary, port: 80, weight: 1}]}]`
)

// TestRulesForRequestsThatMatchAreLaidOverWhateverIsWritten.
func TestRulesForRequestsThatMatchAreLaidOverWhateverIsWritten(t *testing.T) {
	seal := func(rules string) string {
		t.Helper()
		out, err := route.Seal(key, route.Record{UID: "u", Run: "shop-1", Service: "shop", Canary: "shop-canary",
			Match: []route.Header{{Name: "X-Canary", Type: "Exact", Value: "always"}}, Rules: rulesOf(t, rules)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const share = `of what goes to Service shop the requests whose X-Canary is "always" go to shop-canary until canary run shop-1 ends`
	for name, tc := range map[string]struct {
		sent, want, asked, told string
	}{
		"the user's text again": {of, matched, of, ""},
		"what stands there":     {matched, matched, of, ""},
		"another text of the user's": {strings.ReplaceAll(of, "port: 80", "port: 81"), strings.ReplaceAll(matched, "port: 80", "port: 81"), strings.ReplaceAll(of, "port: 80", "port: 81"),
			"your change is stored with the share of a canary on it: " + share},
		"a change of all rules": {strings.ReplaceAll(matched, "weight: 1}]}", "weight: 1}], timeouts: {request: 5s}}"), strings.ReplaceAll(matched, "weight: 1}]}", "weight: 1}], timeouts: {request: 5s}}"),
			strings.ReplaceAll(of, "weight: 1}]}", "weight: 1}], timeouts: {request: 5s}}"), "your change was taken as one of the route without the share of a canary, and is stored with it: " + share},
		"a change of the copy": {strings.ReplaceAll(matched, "shop-canary, port: 80", "shop-canary, port: 81"), matched, of, "what you changed is the canary's, and stays as it is: " + share},
		"a rule of the user's for the same header": {strings.Replace(of, "}]}]", "}]}, {matches: ["+asks+"], backendRefs: [{name: other, port: 80, weight: 1}]}]", 1), strings.Replace(of, "}]}]", "}]}, {matches: ["+asks+"], backendRefs: [{name: other, port: 80, weight: 1}]}]", 1), "",
			"the share of the canary was taken off this route: spec.rules[1].matches[0].headers: asks for X-Canary: always, as match of the plan does"},
	} {
		t.Run(name, func(t *testing.T) {
			before := httpRoute(t, map[string]string{v1alpha1.OverlayAnnotation: seal(of)}, "", matched)
			sent := httpRoute(t, nil, "", tc.sent)
			after, told := send(t, sender{"jane", "kubectl"}, before, sent)
			if diff := cmp.Diff(any(rulesOf(t, tc.want)), after["spec"].(map[string]any)["rules"]); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
			record := ""
			if a, has := after["metadata"].(map[string]any)["annotations"].(map[string]any); has {
				record, _ = a[v1alpha1.OverlayAnnotation].(string)
			}
			want := ""
			if tc.asked != "" {
				want = seal(tc.asked)
			}
			if record != want {
				t.Errorf("the record is\n%s\nwant\n%s", record, want)
			}
			if got := strings.Join(told, "\n"); (got == "") != (tc.told == "") || !strings.Contains(got, tc.told) {
				t.Errorf("its sender is told %q, want %q", got, tc.told)
			}
		})
	}
}
