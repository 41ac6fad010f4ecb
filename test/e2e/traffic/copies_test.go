package traffic

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// The gateway here really copies requests: Skipper, which a program of the tests tells what the HTTPRoutes
// ask for.

// received is what the pods of a run's canary have received, or where it is "" those of the Deployment: each
// method and body, so often.
func (s scene) received(run string) map[string]int {
	s.T.Helper()
	selector := "holdfast.dev/run=" + run + ",holdfast.dev/role=canary"
	if run == "" {
		selector = "app=web,!holdfast.dev/run"
	}
	out := map[string]int{}
	names, _, _ := s.Kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}")
	for _, name := range strings.Fields(names) {
		counts := map[string]int{}
		if json.Unmarshal([]byte(s.Pod(name, "/received").Text(s.T.Context())), &counts) != nil {
			continue // a pod that is not there, or dead
		}
		for what, n := range counts {
			out[what] += n
		}
	}
	return out
}

// wantCopies checks which share of n requests the canary has a copy of, within four times what chance moves
// it by, and that the Deployment's own pods alone answer. Copies are behind the answers.
func (s scene) wantCopies(run string, percent float64, n int) {
	s.T.Helper()
	before := s.received(run)["GET"]
	if counts := s.Gateway().Count(s.T.Context(), n); counts["v1"] != n {
		s.T.Errorf("%d requests are answered by %v, want the Deployment's pods alone", n, counts)
	}
	share := percent / 100
	bound := 4 * math.Sqrt(share*(1-share)*float64(n))
	want := share * float64(n)
	got := 0.0
	shop.Until(s.Shop, fmt.Sprintf("the canary has copies of %v %% of %d requests", percent, n), func() bool {
		got = float64(s.received(run)["GET"] - before)
		return got >= want-bound
	})
	if got > want+bound {
		s.T.Errorf("the canary has copies of %v of %d requests, want %v ± %v", got, n, want, bound)
	}
	s.T.Logf("at %v %% the canary has copies of %v of %d requests", percent, got, n)
}

// wantPosted sends so many bodies, short and long ones, and checks that each is answered by the Deployment's
// pods, and has reached one of these and one of the canary's, once and whole.
func (s scene) wantPosted(run string, n int) {
	s.T.Helper()
	long := strings.Repeat("a long body ", 20000)
	sent := map[string]bool{}
	for i := range n {
		body := fmt.Sprintf("body-%d", i)
		if i%5 == 0 {
			body += long
		}
		sent[body] = true
		if version := s.Gateway().Posting(body).Ask(s.T.Context()); version != "v1" {
			s.T.Errorf("body %d is answered by %q", i, version)
		}
	}
	shop.Until(s.Shop, "the canary has as many bodies", func() bool { return len(posted(s.received(run))) >= n })
	canary, stable := posted(s.received(run)), posted(s.received(""))
	for what, times := range canary {
		if times != 1 || stable[what] != 1 {
			s.T.Errorf("%s: received %d times by the canary, and %d times by the Deployment's pods", what, times, stable[what])
		}
	}
	if len(canary) != len(sent) || len(stable) != len(sent) {
		s.T.Errorf("of %d bodies the canary has %d, and the Deployment's pods have %d", len(sent), len(canary), len(stable))
	}
}

// posted are those that had a body.
func posted(received map[string]int) map[string]int {
	out := map[string]int{}
	for what, times := range received {
		if strings.HasPrefix(what, "POST ") {
			out[what] = times
		}
	}
	return out
}

// TestTheCanaryHasCopiesOfRequests: 20 % and then all of them, bodies too, and nobody is answered by it. It
// is released by what it did with them.
func TestTheCanaryHasCopiesOfRequests(t *testing.T) {
	t.Parallel()
	s := openBehindSkipper(t, mirrored)
	before := asked(s.route())
	run := s.HoldV2("--version=v2", patient)
	s.awaitStep(run.Name, 1)
	s.wantCopies(run.Name, 20, 1000)
	s.wantReapplied(before)
	s.Decide(run.Name, `"approvedSteps":1`)
	s.awaitStep(run.Name, 2)
	s.wantCopies(run.Name, 100, 300)
	s.wantPosted(run.Name, 50)
	s.Decide(run.Name, `"approvedSteps":2`)
	s.AwaitPhase(run.Name, v1alpha1.PhaseReleased)
	s.wantAfter(before, "v2")
}

// copiesJudged has all requests copied, and judges by what the canary answers to them.
var copiesJudged = strings.Replace(shop.QuickPlan, "readyDeadline: 15s", "readyDeadline: 60s\n  traffic: {source: Mirror, drain: 1s}", 1)

// copiesGated has all requests copied until somebody decides.
var copiesGated = strings.Replace(mirrored, "[{weight: 20, approval: true}, {weight: 100, approval: true}]", "[{weight: 100, approval: true}]", 1)

// TestWhateverTheCanaryDoesWithCopiesNoCallerSeesIt, and however its run ends: under a steady load all
// requests are answered by the Deployment's pods, before, meanwhile and afterwards, and no copies are asked
// for any more.
func TestWhateverTheCanaryDoesWithCopiesNoCallerSeesIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plan  string
		args  []string
		does  func(s scene, run string)
		phase v1alpha1.Phase
	}{
		"it fails, and is found bad": {copiesJudged, []string{"--error-rate=1"}, nil, v1alpha1.PhaseReverted},
		"it never answers, and is aborted": {copiesGated, []string{"--latency=1h"}, func(s scene, run string) {
			s.AwaitPhase(run, v1alpha1.PhasePaused)
			s.wantPosted(run, 10)
			s.Decide(run, `"decision":"Abort"`)
		}, v1alpha1.PhaseReverted},
		"it dies, again and again": {copiesJudged, []string{"--crash-after=4s"}, nil, v1alpha1.PhaseReverted},
		"it is withdrawn": {copiesGated, nil, func(s scene, run string) {
			s.AwaitPhase(run, v1alpha1.PhasePaused)
			s.Apply("v1", patient)
		}, v1alpha1.PhaseCanceled},
		"another takes its place": {copiesGated, nil, func(s scene, run string) {
			s.AwaitPhase(run, v1alpha1.PhasePaused)
			next := s.NewestRun(s.Apply("v3", "--version=v3", patient))
			s.AwaitPhase(next.Name, v1alpha1.PhasePaused)
			s.Decide(next.Name, `"decision":"Abort"`)
			s.AwaitPhase(next.Name, v1alpha1.PhaseReverted)
		}, v1alpha1.PhaseSuperseded},
		"its run is deleted": {copiesGated, nil, func(s scene, run string) {
			s.AwaitPhase(run, v1alpha1.PhasePaused)
			s.Must("delete", "canaryrun", run)
			s.Apply("v1", patient) // it may have another by now, which ends by this
			s.awaitAllEnded()
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openBehindSkipper(t, tc.plan)
			before := asked(s.route())
			s.LoadGateway(20)
			run := s.HoldV2(append([]string{"--version=v2", patient}, tc.args...)...)
			if tc.does != nil {
				tc.does(s, run.Name)
			}
			if tc.phase != "" {
				s.AwaitPhase(run.Name, tc.phase)
			}
			s.wantAfter(before, "v1")
			s.WantNoneFailed(100)
		})
	}
}

// awaitAllEnded waits until all runs that there are have ended, and no share is on the route.
func (s scene) awaitAllEnded() {
	s.T.Helper()
	shop.Until(s.Shop, "all runs have ended", func() bool {
		var runs v1alpha1.CanaryRunList
		if err := shop.World.Client.List(s.T.Context(), &runs, client.InNamespace(s.Namespace)); err != nil {
			s.T.Fatal(err)
		}
		under := slices.ContainsFunc(runs.Items, func(r v1alpha1.CanaryRun) bool { return !r.Status.Phase.Ended() })
		return !under && s.route().GetAnnotations()[v1alpha1.OverlayAnnotation] == ""
	})
}
