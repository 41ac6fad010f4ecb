package inbound

import (
	"context"
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/evaluatortest"
	"holdfast.dev/holdfast/internal/query"
)

// judge takes alerts of a cluster in memory.
func judge(c *evaluatortest.Cluster, writer client.StatusClient) *Judge {
	return &Judge{
		Cached: evaluatortest.Trimming{Reader: c.API}, Live: c.API, Writer: writer, Clock: c.Clock, Metrics: NewMetrics(nil),
		Labels: func(string, string) (query.Labels, error) { return query.Labels{}, nil },
	}
}

// running has an update held whose canary is measured.
func running(t *testing.T) *evaluatortest.Cluster {
	t.Helper()
	c := evaluatortest.NewCluster(t)
	c.Hold()
	for range 20 {
		c.Pass()
		if run := c.Runs(); len(run) == 1 && run[0].Status.Phase == v1alpha1.PhaseRunning && run[0].Status.Measured > 0 {
			return c
		}
	}
	t.Fatal("the run is not measured")
	return nil
}

func about(pod, namespace string) group {
	return group{Alerts: []alert{
		{Status: "resolved", Labels: map[string]string{"alertname": "Restarts", "namespace": namespace, "pod": pod}},
		{Status: "firing", Labels: map[string]string{"alertname": "HighErrors", "namespace": namespace, "pod": pod}, Annotations: map[string]string{"summary": "20 % of requests\nfail"}, StartsAt: noon},
	}}
}

func TestAnAlertThatFiresFailsTheCanary(t *testing.T) {
	c := running(t)
	j := judge(c, c.API)
	if err := j.take(t.Context(), about(c.CanaryPod().Name, evaluatortest.Namespace)); err != nil {
		t.Fatal(err)
	}
	c.Passes(3)
	s := c.Run().Status
	if s.Phase != v1alpha1.PhaseReverted || s.Verdict != v1alpha1.VerdictFail || s.Reason != v1alpha1.ReasonAlertFiring ||
		s.Message != "alert HighErrors fires: 20 % of requests fail" {
		t.Errorf("the run is %s (%s): %s", s.Phase, s.Reason, s.Message)
	}
	if a := s.Alert; a == nil || a.Name != "HighErrors" || a.StartsAt == nil || !a.StartsAt.Time.Equal(noon) {
		t.Errorf("the alert is noted as %+v", a)
	}
}

func TestWhatDoesNotFailTheCanary(t *testing.T) {
	c := running(t)
	j := judge(c, c.API)
	canary := c.CanaryPod().Name
	resolved := about(canary, evaluatortest.Namespace)
	resolved.Alerts = resolved.Alerts[:1]
	for name, g := range map[string]group{
		"an alert that is resolved": resolved, "one about a stable pod": about("web-1-a", evaluatortest.Namespace),
		"one about another namespace": about(canary, "other"), "nothing": {},
	} {
		if err := j.take(t.Context(), g); err != nil || c.Run().Status.Alert != nil {
			t.Errorf("%s: %v, %+v", name, err, c.Run().Status.Alert)
		}
	}
	c.Passes(20)
	if s := c.Run().Status; s.Phase != v1alpha1.PhaseReleased {
		t.Errorf("the run is %s (%s): %s", s.Phase, s.Reason, s.Message)
	}
	if err := j.take(t.Context(), about(canary, evaluatortest.Namespace)); err != nil || c.Run().Status.Alert != nil {
		t.Errorf("after its end: %v, %+v", err, c.Run().Status.Alert)
	}
}

// The evaluator writes statuses at the same time.
func TestANoteThatComesLateIsWrittenAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		times  int
		noted  bool
		failed bool
	}{
		"another wrote meanwhile":      {apierrors.NewConflict(schema.GroupResource{Resource: "canaryruns"}, "web", nil), 2, true, false},
		"others write all the time":    {apierrors.NewConflict(schema.GroupResource{Resource: "canaryruns"}, "web", nil), 100, false, true},
		"the API server does not hear": {errors.New("connection refused"), 1, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			c := running(t)
			left := tc.times
			j := judge(c, interceptor.NewClient(c.API, interceptor.Funcs{
				SubResourcePatch: func(ctx context.Context, api client.Client, resource string, o client.Object, p client.Patch, opts ...client.SubResourcePatchOption) error {
					if left--; left >= 0 {
						return tc.err
					}
					return api.SubResource(resource).Patch(ctx, o, p, opts...)
				},
			}))
			err := j.take(t.Context(), about(c.CanaryPod().Name, evaluatortest.Namespace))
			if noted := c.Run().Status.Alert != nil; noted != tc.noted || (err != nil) != tc.failed {
				t.Errorf("noted: %t, to be sent again: %v", noted, err)
			}
		})
	}
}
