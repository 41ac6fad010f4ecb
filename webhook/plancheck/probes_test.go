package plancheck

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/policy"
	"holdfast.dev/holdfast/webhook/demand"
)

func TestMetricsAboutProbesThatNoPodHasAreTold(t *testing.T) {
	expects := v1alpha1.Metric{Name: "success", Expect: "success >= 99%", Source: v1alpha1.SourceProbe}
	short := expects
	short.Window = &metav1.Duration{Duration: 2 * time.Second}
	stable := v1alpha1.Metric{Name: "errors", Source: v1alpha1.SourceProbe, Compare: &v1alpha1.Comparison{To: v1alpha1.CompareToStable, Count: &v1alpha1.Counted{}}}
	for name, tc := range map[string]struct {
		probe     *v1alpha1.Probe
		namespace string
		metric    v1alpha1.Metric
		want      string
	}{
		"a plan that means one":          {nil, "", expects, ""},
		"one that may have none":         {nil, "", expects, "metric success has source: Probe, and CanaryPolicy strict allows no probe"},
		"with one":                       {&v1alpha1.Probe{}, "", expects, ""},
		"in a namespace that has probes": {nil, v1alpha1.ProbeEnabled, expects, ""},
		"about the stable pods":          {&v1alpha1.Probe{}, "", stable, "annotate the namespace holdfast.dev/probe: enabled and restart the Deployment"},
		"about those, which have probes": {nil, v1alpha1.ProbeEnabled, stable, ""},
		"another source":                 {nil, "", v1alpha1.Metric{Name: "success", Expect: "success >= 99%"}, ""},
		"a window that is too short":     {&v1alpha1.Probe{}, "", short, "probes are read every 1s at most, and a window of 2s has too few samples of them; make it 6s or longer"},
	} {
		spec := &v1alpha1.CanaryPlanSpec{Probe: tc.probe, Analysis: v1alpha1.Analysis{Metrics: []v1alpha1.Metric{tc.metric}}}
		spec.SetDefaults()
		d := demand.Demands{NamespaceAnnotations: map[string]string{v1alpha1.ProbeAnnotation: tc.namespace}}
		if name == "one that may have none" {
			d.Probe = policy.Bound[v1alpha1.ProbeLimit]{Value: v1alpha1.ProbeNone, Policy: "strict"}
		}
		got := strings.Join(unprobed(d, spec), "|")
		if got != tc.want && (tc.want == "" || !strings.Contains(got, tc.want)) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestWhatKeepsRequestsFromBeingRedirectedIsTold(t *testing.T) {
	redirect := &v1alpha1.CanaryPlanSpec{Probe: &v1alpha1.Probe{Capture: v1alpha1.ProbeByRedirect}}
	redirect.SetDefaults()
	byName := &v1alpha1.CanaryPlanSpec{Probe: &v1alpha1.Probe{}}
	byName.SetDefaults()
	allowed := demand.Demands{Effective: policy.Effective{ProbeCapture: policy.Bound[v1alpha1.ProbeCapture]{Value: v1alpha1.ProbeByRedirect, Policy: "p"}}}
	if errs := CaptureForbidden(demand.Demands{}, redirect); len(errs) != 1 || errs[0].Field != "spec.probe.capture" || !strings.Contains(errs[0].Detail, "set it to Name") {
		t.Errorf("no policy allows it: %v", errs)
	}
	if errs := append(CaptureForbidden(allowed, redirect), CaptureForbidden(demand.Demands{}, byName)...); len(errs) > 0 {
		t.Errorf("it is allowed, or not asked for: %v", errs)
	}
	for level, told := range map[string]bool{"": false, "privileged": false, "baseline": true, "restricted": true} {
		allowed.NamespaceLabels = map[string]string{"pod-security.kubernetes.io/enforce": level}
		if got := SecurityForbids(allowed, redirect); (len(got) > 0) != told {
			t.Errorf("%s: %q", level, got)
		}
		if got := SecurityForbids(allowed, byName); len(got) > 0 {
			t.Errorf("%s, by name: %q", level, got)
		}
	}
	allowed.NamespaceLabels = map[string]string{"istio.io/rev": "stable"}
	template := hold.Template{"spec": map[string]any{"containers": []any{map[string]any{"name": "web", "ports": []any{map[string]any{"containerPort": int64(8080)}}}}}}
	for sentence, tc := range map[string]struct {
		spec     *v1alpha1.CanaryPlanSpec
		template hold.Template
		told     string
	}{
		"a plan":                           {redirect, nil, "spec.probe.capture is Redirect, and the namespace is labelled istio.io/rev: stable"},
		"an update":                        {redirect, template, `excludeInboundPorts: "8080"`},
		"an update in which nothing is":    {redirect, hold.Template{}, ""},
		"a plan whose probe goes by names": {byName, nil, ""},
	} {
		got := strings.Join(MeshAhead(allowed, tc.spec, tc.template), "|")
		if (got != "") != (tc.told != "") || !strings.Contains(got, tc.told) {
			t.Errorf("%s: told %q, want %q in it", sentence, got, tc.told)
		}
	}
}
