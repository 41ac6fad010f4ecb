package judge

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestAPrometheusThatFailsNeverReleases: whatever is wrong with the answers, the
// stable template stays, no verdict is made of them, and the run says what was wrong.
func TestAPrometheusThatFailsNeverReleases(t *testing.T) {
	t.Parallel()
	// It stands in front of Prometheus, where endpoints of the test overlay find it.
	shop.Open(t, shop.Settings{NoLoad: true}).Serve(shop.Server{Name: "faults", Image: "faults", Port: 9099})
	for endpoint, tc := range map[string]struct{ reason, message string }{
		"too-slow": {v1alpha1.MeasuredError, "did not answer within 500ms"},
		"hang":     {v1alpha1.MeasuredError, "did not answer within 500ms"},
		"drip":     {v1alpha1.MeasuredError, "did not answer within 500ms"},
		"down":     {v1alpha1.MeasuredError, "could not be asked"},
		"partial":  {v1alpha1.MeasuredPartialData, "store gateway-1 is away, as told"},
		"cut":      {v1alpha1.MeasuredError, "cannot be read: it ends in the middle"},
		"large":    {v1alpha1.MeasuredError, "the response is too large"},
		"redirect": {v1alpha1.MeasuredError, "it is a redirect (307), which is not followed"},
		"page":     {v1alpha1.MeasuredError, "cannot be read: it is no JSON"},
		"failing":  {v1alpha1.MeasuredError, "HTTP status 503 Service Unavailable"},
		"refusing": {v1alpha1.MeasuredError, "refused Holdfast: HTTP status 401 Unauthorized"},
	} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			s := shop.Open(t, shop.Settings{Plan: shop.PlanAsking(endpoint), NoLoad: true, Replicas: 1})
			run := s.HoldV2()
			ended := s.WantReverted(run.Name, v1alpha1.ReasonErrorLimit)
			if ended.Status.Verdict != v1alpha1.VerdictInconclusive || !strings.Contains(ended.Status.Message, tc.message) {
				t.Errorf("verdict %s: %s; want the message to say %q", ended.Status.Verdict, ended.Status.Message, tc.message)
			}
			metric := shop.MetricOf(t, ended, "error-rate")
			if first := metric.Last[0]; first.Reason != tc.reason || first.Outcome != v1alpha1.OutcomeError || metric.Passed != 0 {
				t.Errorf("%d passed, the first measurement is %+v; want an error, %s", metric.Passed, first, tc.reason)
			}
		})
	}
	t.Run("one that is slow but answers releases", func(t *testing.T) {
		t.Parallel()
		s := shop.Open(t, shop.Settings{Plan: shop.PlanAsking("slow"), NoLoad: true, Replicas: 1})
		run := s.HoldV2()
		s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
		s.WantImage("v2")
	})
}
