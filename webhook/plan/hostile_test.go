package plan

import (
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/webhook/hostiletest"
)

// sharedEndpoint is a default with tenancy.
type sharedEndpoint struct{}

func (sharedEndpoint) Endpoint(string, string) (endpoint.Definition, error) {
	return endpoint.Definition{Tenancy: endpoint.Tenancy{Label: "namespace"}}, nil
}

// FuzzPlan decodes, checks and warns of whatever is sent as a plan.
func FuzzPlan(f *testing.F) {
	f.Add(`{"spec":{"replicas":"10%","analysis":{"interval":"5s","period":"30s","metrics":[{"name":"a","query":"sum(up{ {{canary}} })","range":{"max":1}}]}}}`)
	f.Add(`{"spec":{"analysis":{"endpoint":"x","metrics":[{"name":"a","expect":"P99 < 1s","source":"istio"},{"name":"b","compare":{"count":{"bad":"x{ {{pods}} }","total":"y{ {{pods}} }"}}}]},"steps":[{"replicas":-1,"metrics":[{"query":"info(up)"}]}]}}`)
	f.Add(`{"spec":{"deadline":"-1h","freezeWindows":[{"days":["Mon"],"from":"25:00"}],"baseline":{},"analysis":{"metrics":[{"alerts":{"matchers":["a=\"\\u001b\""]}},{"labels":{"selector":{"matchExpressions":[{"key":"a","operator":"x"}]}}}]}}}`)
	f.Fuzz(func(t *testing.T, object string) {
		h := &Handler{Endpoints: sharedEndpoint{}}
		hostiletest.Plain(t, h.Handle(hostiletest.NoPanic(t), admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
			Namespace: "shop", Name: "default", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(object)},
		}}))
	})
}
