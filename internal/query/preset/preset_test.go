package preset_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/preset"
)

var update = flag.Bool("update", false, "write the golden files anew")

var shop = query.Values{
	Namespace: "shop", Deployment: "web", Service: "web.v1", Canary: []string{"web-abc"}, Stable: []string{"web-6d4f"},
	Interval: 30 * time.Second, Window: 2 * time.Minute,
}

// TestQueriesOfEverySource compares every query as it is sent with its golden
// file. Rendering parses it with Prometheus's own parser.
func TestQueriesOfEverySource(t *testing.T) {
	for _, source := range preset.Sources() {
		t.Run(string(source), func(t *testing.T) {
			var got strings.Builder
			for _, pods := range []string{"canary", "stable"} {
				for _, by := range []string{"", "pod"} {
					if (pods != "canary" || by != "") && !preset.TellsPods(source) {
						continue
					}
					r := preset.Question{Source: source, Pods: pods, By: by}
					success, err := r.Success()
					fmt.Fprintf(&got, "# success of %s pods, by %q\n%s\n\n", pods, by, render(t, success, err))
					duration, err := r.Duration(0.99)
					fmt.Fprintf(&got, "# P99 of %s pods, by %q\n%s\n\n", pods, by, render(t, duration, err))
				}
			}
			golden := filepath.Join("testdata", strings.ToLower(string(source))+".promql")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func render(t *testing.T, text string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	template, err := query.Parse(text)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	rendered, err := template.Render(shop)
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return rendered
}

func TestASourceInFrontOfTheServiceCannotTellPodsApart(t *testing.T) {
	for _, source := range []v1alpha1.Source{v1alpha1.SourceNGINXIngress, v1alpha1.SourceEnvoyGateway, v1alpha1.SourceTraefik} {
		for _, r := range []preset.Question{{Source: source, Pods: "stable"}, {Source: source, Pods: "canary", By: "pod"}} {
			if text, err := r.Success(); err == nil || !strings.Contains(err.Error(), "write a query of your own") {
				t.Errorf("%+v: got %q, %v", r, text, err)
			}
		}
		if !strings.Contains(preset.About(source), "stable ones and canary") {
			t.Errorf("%s does not say what it measures: %q", source, preset.About(source))
		}
	}
}

func TestAnUnknownSourceIsRefusedWithThoseThatAreKnown(t *testing.T) {
	_, err := preset.Question{Source: "Nginx", Pods: "canary"}.Duration(0.5)
	if err == nil || !strings.Contains(err.Error(), `"Nginx"; known are EnvoyGateway, Istio, Linkerd, NGINXIngress, Probe, PrometheusClient, Traefik`) {
		t.Errorf("got %v", err)
	}
}

func TestPodsCanBeThoseOfABaseline(t *testing.T) {
	text, err := preset.Question{Source: v1alpha1.SourceIstio, Pods: "baseline"}.Success()
	if err != nil || strings.Count(text, "{{baseline}}") == 0 || strings.Contains(text, "{{canary}}") {
		t.Errorf("got %s, %v", text, err)
	}
}
