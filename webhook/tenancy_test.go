package webhook

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/endpoint"
	"holdfast.dev/holdfast/internal/workload"
)

// sharedEndpoint is a default with tenancy.
type sharedEndpoint struct{}

func (sharedEndpoint) Endpoint(string, string) (endpoint.Endpoint, error) {
	return endpoint.Endpoint{Tenancy: endpoint.Tenancy{Label: "namespace"}}, nil
}

func TestInlineQueriesKeepToTheirNamespace(t *testing.T) {
	with := func(value string) workload.Deployment {
		return workload.Deployment{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{v1alpha1.MetricAnnotationPrefix + "errors": value}}}}
	}
	h := &Handler{Endpoints: sharedEndpoint{}}
	good, bad := with("max(up{ {{canary}} }) in [0, 1]"), with("info(up{ {{canary}} }) in [0, 1]")
	for name, tc := range map[string]struct {
		u       update
		refused bool
	}{
		"one that cannot be kept to it is refused":                  {update{old: good, new: bad}, true},
		"one that can passes":                                       {update{old: bad, new: good}, false},
		"one that is there keeps nobody from changing what else is": {update{old: bad, new: bad}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := h.validateInlineChange("shop", demands{}, tc.u)
			if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), "metadata.annotations[metric.holdfast.dev/errors]: Forbidden: line 1, column 1: info(…)") {
				t.Errorf("got %v", err)
			}
		})
	}
}
