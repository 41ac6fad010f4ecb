package traffic

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// wantShare checks which share of n requests the canary answers, within four times what chance moves it by.
// Traefik deals requests out in turn, and begins anew whenever something changes in the cluster.
func (s scene) wantShare(percent float64, n int) {
	s.T.Helper()
	began := time.Now()
	counts := s.Gateway().Count(s.T.Context(), n)
	if counts["v1"]+counts["v2"] != n {
		s.T.Errorf("at %v %% requests failed: %v", percent, counts)
	}
	share := percent / 100
	got := float64(counts["v2"]) / float64(n)
	if bound := 4 * math.Sqrt(share*(1-share)/float64(n)); math.Abs(got-share) > bound {
		s.T.Errorf("the canary has %.2f %% of %d requests, want %v ± %.2f %%", 100*got, n, percent, 100*bound)
	}
	s.T.Logf("at %v %% the canary has %d of %d requests, %.2f %% (%.1fs)", percent, counts["v2"], n, 100*got, time.Since(began).Seconds())
}

// wantAfter checks that nothing of a run is left, and that one version answers everybody.
func (s scene) wantAfter(before, version string) {
	s.T.Helper()
	if now := asked(s.route()); now != before {
		s.T.Errorf("the route is\n%s\nand was\n%s", now, before)
	}
	s.WantImage(version)
	s.WantNoCanary()
	shop.AwaitNone(s.Shop, "Services of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
	if counts := s.Gateway().Count(s.T.Context(), 100); counts[version] != 100 {
		s.T.Errorf("after the run 100 requests are answered by %v", counts)
	}
}

// TestARouteGivesTheCanaryItsShare: 1 % of 10,000 requests, 5 % and 50 % of fewer, for less of chance is in
// them. None fails, and whoever applies the route again leaves it as it is; after the run it is what its user
// asked for. argoproj/argo-rollouts#2463: there, GitOps tools and the controller write the weights by turns.
func TestARouteGivesTheCanaryItsShare(t *testing.T) {
	t.Parallel()
	s := openBehindTraefik(t, weightedPlan(`[{weight: 1, approval: true}, {weight: 5, approval: true}, {weight: 50, approval: true}]`))
	before := asked(s.route())
	run := s.HoldV2("--version=v2", patient)
	for step, tc := range []struct {
		percent  float64
		requests int
	}{{1, 10000}, {5, 3000}, {50, 1000}} {
		shop.Await(s.Shop, fmt.Sprintf("step %d has shown what it had to", step+1), run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool {
			return r.Status.Step != nil && r.Status.Step.Number == int32(step+1) && r.Status.Phase == v1alpha1.PhasePaused
		})
		s.wantShare(tc.percent, tc.requests)
		s.wantReapplied(before)
		s.Decide(run.Name, fmt.Sprintf(`"approvedSteps":%d`, step+1))
	}
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantAfter(before, "v2")
}

// TestNoRequestFailsThroughARun of any end, under a steady load from before it until nothing of it is left.
func TestNoRequestFailsThroughARun(t *testing.T) {
	t.Parallel()
	plan := weightedPlan(`[{weight: 10}, {weight: 50, approval: true}]`)
	for name, tc := range map[string]struct {
		plan    string
		does    func(s scene, run string)
		phase   v1alpha1.Phase
		version string
	}{
		"released":  {plan, func(s scene, run string) { s.Decide(run, `"approvedSteps":2`) }, v1alpha1.PhaseReleased, "v2"},
		"aborted":   {plan, func(s scene, run string) { s.Decide(run, `"decision":"Abort"`) }, v1alpha1.PhaseReverted, "v1"},
		"withdrawn": {plan, func(s scene, _ string) { s.Apply("v1", patient) }, v1alpha1.PhaseCanceled, "v1"},
		"taken the place of": {plan, func(s scene, _ string) {
			next := s.NewestRun(s.Apply("v3", "--version=v3", patient))
			s.AwaitPhase(next.Name, v1alpha1.PhasePaused)
			s.Decide(next.Name, `"decision":"Abort"`)
			s.AwaitPhase(next.Name, v1alpha1.PhaseReverted)
		}, v1alpha1.PhaseSuperseded, "v1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openBehindTraefik(t, tc.plan)
			before := asked(s.route())
			s.LoadGateway(40)
			run := s.HoldV2("--version=v2", patient)
			s.AwaitPhase(run.Name, v1alpha1.PhasePaused)
			s.wantShare(50, 100)
			tc.does(s, run.Name)
			s.AwaitPhase(run.Name, tc.phase)
			s.wantAfter(before, tc.version)
			s.WantNoneFailed(400)
		})
	}
}

// TestABadCanaryLosesItsShareFirst: as soon as its verdict is stored, and before its pods go, so that no
// request fails.
func TestABadCanaryLosesItsShareFirst(t *testing.T) {
	t.Parallel()
	bad := strings.Replace(shop.PlanOf("sum(up{ {{canary}} })"), "readyDeadline: 15s", "readyDeadline: 60s\n  traffic: {source: Weighted, weight: 20, drain: 2s}", 1)
	s := openBehindTraefik(t, bad)
	before := asked(s.route())
	s.LoadGateway(40)
	last := s.lastAnswerOf("v2")
	run := s.HoldV2("--version=v2", patient)
	shop.Await(s.Shop, "the verdict is bad", run.Name, &v1alpha1.CanaryRun{}, func(r *v1alpha1.CanaryRun) bool { return r.Status.Verdict == v1alpha1.VerdictFail })
	verdict := time.Now()
	shop.Await(s.Shop, "the share is off", "web", newRoute(), func(r *unstructured.Unstructured) bool { return r.GetAnnotations()[v1alpha1.OverlayAnnotation] == "" })
	off := time.Since(verdict)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReverted)
	shop.Await(s.Shop, "the pods are let go", run.Name, &appsv1.ReplicaSet{}, func(rs *appsv1.ReplicaSet) bool { return *rs.Spec.Replicas == 0 })
	if kept := time.Since(verdict) - off; kept < 1500*time.Millisecond { // of 2s, for the share is seen to be off a moment late
		t.Errorf("the pods are let go %s after the share is off, before the drain time is over", kept)
	}
	s.wantAfter(before, "v1")
	s.WantNoneFailed(200)
	answered := last()
	if answered.IsZero() {
		t.Fatal("the canary has answered no request")
	}
	t.Logf("the share is off %s after the verdict is seen, and the canary answers its last request after %s",
		off.Round(time.Millisecond), answered.Sub(verdict).Round(time.Millisecond))
	if most := 5 * time.Second; off > most || answered.Sub(verdict) > most {
		t.Errorf("that is more than %s", most)
	}
}

// lastAnswerOf asks the gateway until it is asked itself when a version has last answered.
func (s scene) lastAnswerOf(version string) func() time.Time {
	s.T.Helper()
	ctx, stop := context.WithCancel(s.T.Context())
	g := s.Gateway()
	var last time.Time
	var asking sync.WaitGroup
	asking.Go(func() {
		for ctx.Err() == nil {
			if g.Ask(ctx) == version {
				last = time.Now()
			}
			select {
			case <-ctx.Done():
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() time.Time {
		stop()
		asking.Wait()
		return last
	}
}

// TestAShareThatIsLostIsLaidAgain: when a route is made anew within a period, the canary has its share of
// that too, and the period begins anew.
func TestAShareThatIsLostIsLaidAgain(t *testing.T) {
	t.Parallel()
	s := openBehindTraefik(t, weightedPlan(`[{weight: 20, period: 6s}]`))
	before := s.rules()
	run := s.HoldV2("--version=v2", patient)
	s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	s.Must("delete", "httproute", "web")
	s.AwaitReason(run.Name, v1alpha1.ReasonShareLost)
	s.Must("apply", "--server-side", "--field-manager=gitops", "-f", "-", s.routeManifest())
	again := s.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
	if got := s.shares("web"); got != "web:4 canary:1" || again.Status.Step.BegunAnew != 1 {
		t.Errorf("the route has %s, and the step was begun anew %d times", got, again.Status.Step.BegunAnew)
	}
	g := s.Gateway()
	shop.Until(s.Shop, "the gateway gives the canary its share again", func() bool { return g.Ask(t.Context()) == "v2" }) // it says so before
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.WantEvents(v1alpha1.ReasonShareLost)
	if diff := cmp.Diff(before, s.rules()); diff != "" {
		t.Errorf("the rules of the route (-before +after):\n%s", diff)
	}
}
