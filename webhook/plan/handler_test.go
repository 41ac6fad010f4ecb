package plan

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/webhook/reply"
)

// endpointsStub knows the default and thanos.
type endpointsStub struct{}

func (endpointsStub) Endpoint(namespace, name string) (endpoint.Definition, error) {
	var e endpoint.Definition
	e.ScrapeInterval.Duration = 15 * time.Second
	switch name {
	case "":
		return e, nil
	case "shared":
		e.Tenancy.Label = "namespace"
		return e, nil
	case "thanos":
		e.ScrapeInterval.Duration = time.Minute
		return e, nil
	}
	return endpoint.Definition{}, fmt.Errorf("unknown endpoint %q: plans of namespace %q may name default, thanos", name, namespace)
}

func TestPlanHandler(t *testing.T) {
	const good = `sum(rate(errors_total{ {{canary}} }[1m]))`
	plan := func(analysis string) string {
		return `{"apiVersion":"holdfast.dev/v1alpha1","kind":"CanaryPlan","metadata":{"name":"default","namespace":"shop"},"spec":{"analysis":` + analysis + `}}`
	}
	metric := func(query string) string {
		text, _ := json.Marshal(query)
		return plan(`{"metrics":[{"name":"errors","query":` + string(text) + `,"range":{"max":1}}]}`)
	}
	for name, tc := range map[string]struct {
		object   string
		refused  string   // "" where it is let through
		fields   []string // of the refusal's causes
		warnings []string // parts of them
	}{
		"a good plan":   {object: metric(good)},
		"no metrics":    {object: plan(`{}`)},
		"no spec":       {object: `{}`},
		"no plan":       {object: `[]`, warnings: []string{"was not checked"}},
		"a wrong query": {object: metric("sum(\n  up{ {{pods}} })"), refused: "line 2, column 7: unknown placeholder {{pods}}", fields: []string{"spec.analysis.metrics[0].query"}},
		"a string":      {object: metric(`"x"`), refused: "gives a string, where a scalar or an instant vector is wanted", fields: []string{"spec.analysis.metrics[0].query"}},
		"a range":       {object: metric(`up{ {{canary}} }[5m]`), refused: "put a function such as rate(…)", fields: []string{"spec.analysis.metrics[0].query"}},
		"two mistakes": {
			object:  plan(`{"endpoint":"A","metrics":[{"name":"errors","query":"nope(1)","range":{"max":1}}]}`),
			refused: "unknown function", fields: []string{"spec.analysis.endpoint", "spec.analysis.metrics[0].query"},
		},
		"a trap": {object: metric(good + " or vector(0)"), warnings: []string{"metric errors, line 1, column 46: this makes a value of missing data"}},
		"windows are compared with the endpoint's scrape interval": {
			object: strings.Replace(metric(good), `{"metrics"`, `{"endpoint":"thanos","metrics"`, 1), warnings: []string{"shorter than four scrape intervals (4 × 1m)"},
		},
		"an endpoint that is not there": {
			object: plan(`{"endpoint":"mimir"}`), warnings: []string{`runs of this plan will end inconclusive: spec.analysis.endpoint: unknown endpoint "mimir": plans of namespace "shop" may name`},
		},
		"what an endpoint with tenancy does not ask": {
			object:  plan(`{"endpoint":"shared","metrics":[{"name":"a","query":"up{ {{canary}} }\n  / info(x)","range":{"max":1}},{"name":"b","compare":{"count":{"bad":"bad{ {{pods}} }","total":"all{ {{pods}} }"}}}]}`),
			refused: "line 2, column 5: info(…) looks up series", fields: []string{"spec.analysis.metrics[0].query"},
		},
		"the same in a step": {
			object:  strings.Replace(plan(`{"endpoint":"shared"}`), `"spec":{`, `"spec":{"steps":[{"replicas":1,"metrics":[{"name":"a","query":"info(up{ {{canary}} })","range":{"max":1}}]}],`, 1),
			refused: "line 1, column 1: info(…)", fields: []string{"spec.steps[0].metrics[0].query"},
		},
		"what an endpoint with tenancy shows nothing of": {
			object:   plan(`{"endpoint":"shared","metrics":[{"name":"a","query":"sum(up{ {{canary}} }) / on () sum(nodes{namespace=\"kube-system\"} > 0)","range":{"max":1}}]}`),
			warnings: []string{`metric a, line 1, column 35: asks for namespace="kube-system", where this endpoint shows namespace="shop" only: there is no data`},
		},
		"a share with a percent sign": {
			object:  plan(`{"metrics":[{"name":"a","expect":"success >= 0.99%"}]}`),
			refused: "write success >= 99% if that is what is meant", fields: []string{"spec.analysis.metrics[0].expect"},
		},
		"a range that every canary keeps": {
			object: strings.Replace(metric(`1 - min(up{ {{canary}} })`), `"max":1`, `"max":5`, 1), warnings: []string{"metric errors, range: every canary keeps [-Inf, 5], however bad it is: the value is from 0 to 1"},
		},
		"an amount in a step": {
			object:   strings.Replace(plan(`{}`), `"spec":{`, `"spec":{"steps":[{"replicas":1,"metrics":[{"name":"a","expect":"P99 < 310s"}]}],`, 1),
			warnings: []string{`metric a, expect: "P99 < 310s" lets requests take 5m10s; milliseconds are written 310ms`},
		},
		"many traps": {
			object:   metric(strings.Repeat("up and ", 20) + "absent(x)" + strings.Repeat(" or vector(0)", 20)),
			warnings: append(make([]string, reply.MaxTraps), "there is more"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := &Handler{Endpoints: endpointsStub{}}
			resp := h.Handle(t.Context(), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Namespace: "shop", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(tc.object)},
			}})
			if resp.Allowed != (tc.refused == "") || !resp.Allowed && !strings.Contains(resp.Result.Message, tc.refused) {
				t.Fatalf("got %+v", resp)
			}
			var fields []string
			if !resp.Allowed {
				for _, cause := range resp.Result.Details.Causes {
					fields = append(fields, cause.Field)
				}
			}
			if diff := cmp.Diff(tc.fields, fields); diff != "" {
				t.Errorf("fields: -want +got:\n%s", diff)
			}
			if len(resp.Warnings) != len(tc.warnings) {
				t.Fatalf("warnings %q", resp.Warnings)
			}
			for i, want := range tc.warnings {
				if !strings.Contains(resp.Warnings[i], want) {
					t.Errorf("warning %q, want %q in it", resp.Warnings[i], want)
				}
			}
			if len(resp.Patches) > 0 {
				t.Errorf("patches %v", resp.Patches)
			}
		})
	}
}
