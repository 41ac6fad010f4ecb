package policy

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
)

func TestPolicyHandler(t *testing.T) {
	const metrics = `"metrics":[{"name":"m","query":"min(up{ {{canary}} })","range":{"min":1}}]`
	for name, tc := range map[string]struct {
		object, refused, warning string // "" where there is none
	}{
		"a good policy":               {`{"spec":{"guard":"required"}}`, "", ""},
		"no policy":                   {`[]`, "", "was not checked"},
		"a wrong query":               {`{"spec":{"metrics":[{"name":"m","query":"sum(","range":{"max":1}}]}}`, "spec.metrics[0].query", ""},
		"metrics with endpoints":      {`{"spec":{` + metrics + `,"prometheus":{"endpoints":["default"]}}}`, "", ""},
		"metrics and any endpoint":    {`{"spec":{` + metrics + `}}`, "", "holdfast: spec.metrics are asked of the endpoint that a plan names"},
		"a metric that none can fail": {`{"spec":{"metrics":[{"name":"m","query":"min(up{ {{canary}} })","range":{"max":1}}],"prometheus":{"endpoints":["default"]}}}`, "", "holdfast: metric m, range: every canary keeps [-Inf, 1]"},
		"a plan with a share of none": {`{"spec":{"plans":[{"name":"p","spec":{"analysis":{"metrics":[{"name":"m","expect":"success >= 0.99%"}]}}}]}}`, "spec.plans[0].spec.analysis.metrics[0].expect", ""},
		"a plan with a lax amount":    {`{"spec":{"plans":[{"name":"p","spec":{"analysis":{"metrics":[{"name":"m","expect":"success >= 5%"}]}}}]}}`, "", "holdfast: plan p, metric m, expect: "},
		"a mistake is told by itself": {`{"spec":{` + metrics + `,"prometheus":{"matchers":["x"]}}}`, "spec.prometheus.matchers[0]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp := Handler{}.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(tc.object)},
			}})
			if resp.Allowed != (tc.refused == "") || !resp.Allowed && !strings.Contains(resp.Result.Message, tc.refused) {
				t.Fatalf("got %+v", resp)
			}
			if said := strings.Join(resp.Warnings, "\n"); (tc.warning == "") != (said == "") || !strings.Contains(said, tc.warning) {
				t.Errorf("warnings %q, want %q", said, tc.warning)
			}
		})
	}
}
