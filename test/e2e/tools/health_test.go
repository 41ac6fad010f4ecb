package tools

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestJudgingPods: pods that are not well end a run before any
// metric does, with a reason of their own and the words of the kubelet.
func TestJudgingPods(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		version string
		args    []string
		change  [2]string // in the manifest, old and new
		reason  string
		says    string
		// patient lets the trouble last, instead of the deadline for being Ready.
		patient bool
	}{
		"crashes in a loop": {
			version: "v2", args: []string{"--crash-after=1ms", "--exit-code=3"}, reason: v1alpha1.ReasonCrashed, says: "3"},
		"crashes after it was Ready": {
			version: "v2", args: []string{"--crash-after=4s"}, reason: v1alpha1.ReasonCrashed, says: "app"},
		"never gets Ready": {
			version: "v2", args: []string{"--never-ready"}, reason: v1alpha1.ReasonNotReady, says: "Ready"},
		"has an image that is not there": {
			version: "v2", change: [2]string{"holdfast.test/app:v2", "holdfast.test/none:v2"}, reason: v1alpha1.ReasonImagePull, says: "holdfast.test/none:v2", patient: true},
		"needs more than any node has": {
			version: "v2", change: [2]string{"ports:", "resources: {requests: {cpu: '1000'}}\n        ports:"}, reason: v1alpha1.ReasonUnschedulable, says: "cpu"},
		"names a Secret that is not there": {
			version: "v2", change: [2]string{"ports:", "envFrom: [{secretRef: {name: none}}]\n        ports:"}, reason: v1alpha1.ReasonContainerConfig, says: "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := shop.QuickPlan
			if tc.patient {
				plan = strings.Replace(plan, "readyDeadline: 15s", "readyDeadline: 60s", 1)
			}
			s := shop.Open(t, shop.Settings{Plan: plan, NoLoad: true})
			manifest := s.Web(tc.version, tc.args...)
			if tc.change[0] != "" {
				manifest = strings.Replace(manifest, tc.change[0], tc.change[1], 1)
			}
			run := s.NewestRun(s.Must("apply", "-f", "-", manifest))
			ended := s.WantReverted(run.Name, tc.reason)
			if !strings.Contains(ended.Status.Message, tc.says) {
				t.Errorf("the message %q does not say %q", ended.Status.Message, tc.says)
			}
		})
	}
}

// TestQuotaIsTheReason: a quota that leaves no room for the canary is named.
func TestQuotaIsTheReason(t *testing.T) {
	t.Parallel()
	s := shop.Open(t, shop.Settings{Plan: shop.QuickPlan, NoLoad: true})
	s.Fill("pods=2")
	run := s.HoldV2()
	ended := s.WantReverted(run.Name, v1alpha1.ReasonPodsNotCreated)
	if !strings.Contains(ended.Status.Message, "exceeded quota") {
		t.Errorf("the message does not name the quota: %s", ended.Status.Message)
	}
}
