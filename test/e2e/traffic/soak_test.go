package traffic

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/test/e2e/shop"
	"holdfast.dev/holdfast/test/stage"
)

var soak = flag.Int("soak.runs", 3, "how many runs TestNoRequestFailsThroughRunsInARow has; make soak-traffic has more")

// row is a shop in which run follows run.
type row struct {
	scene
	stable string // the version that the Deployment runs
	n      int    // of versions so far
}

// hold applies another version and returns its run.
func (r *row) hold(args ...string) *v1alpha1.CanaryRun {
	r.T.Helper()
	r.n++
	version := fmt.Sprintf("v%d", r.n)
	return r.NewestRun(r.Apply(version, append([]string{"--version=" + version, patient}, args...)...))
}

// atGate is a run that has the last of its shares.
func (r *row) atGate() *v1alpha1.CanaryRun {
	r.T.Helper()
	run := r.hold()
	r.AwaitPhase(run.Name, v1alpha1.PhasePaused)
	return run
}

// ends are the ways in which a run ends, and what it is then.
var ends = []struct {
	name  string
	plan  string
	play  func(r *row) (run string)
	phase v1alpha1.Phase
}{
	{"released", gated, func(r *row) string {
		run := r.atGate()
		r.Decide(run.Name, `"approvedSteps":2`)
		return run.Name
	}, v1alpha1.PhaseReleased},
	{"found bad", badByMetric, func(r *row) string { return r.hold().Name }, v1alpha1.PhaseReverted},
	{"taken the place of", gated, func(r *row) string {
		first, next := r.atGate(), r.atGate()
		r.Decide(next.Name, `"decision":"Abort"`)
		r.AwaitPhase(next.Name, v1alpha1.PhaseReverted)
		return first.Name
	}, v1alpha1.PhaseSuperseded},
	{"aborted", gated, func(r *row) string {
		run := r.atGate()
		r.Decide(run.Name, `"decision":"Abort"`)
		return run.Name
	}, v1alpha1.PhaseReverted},
	{"withdrawn", gated, func(r *row) string {
		run := r.atGate()
		r.Apply(r.stable, "--version="+r.stable, patient)
		return run.Name
	}, v1alpha1.PhaseCanceled},
	{"promoted in the middle", gated, func(r *row) string {
		run := r.hold()
		r.AwaitPhase(run.Name, v1alpha1.PhaseRunning)
		r.Decide(run.Name, `"decision":"Promote"`)
		return run.Name
	}, v1alpha1.PhaseReleased},
	{"never ready", neverReady, func(r *row) string { return r.hold("--never-ready").Name }, v1alpha1.PhaseReverted},
	{"opted out of", gated, func(r *row) string {
		run := r.atGate()
		r.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"=disabled")
		shop.Await(r.Shop, "the run ends", run.Name, &v1alpha1.CanaryRun{}, func(run *v1alpha1.CanaryRun) bool { return run.Status.Phase.Ended() })
		r.Must("annotate", "deployment", "web", v1alpha1.CanaryAnnotation+"-")
		return run.Name
	}, ""}, // whichever
}

var (
	gated       = strings.Replace(weightedPlan(`[{weight: 10}, {weight: 50, approval: true}]`), "period: 4s", "period: 2s", 1)
	badByMetric = strings.Replace(shop.PlanOf("sum(up{ {{canary}} })"), "readyDeadline: 15s", "readyDeadline: 60s\n  traffic: {source: Weighted, weight: 20, drain: 2s}", 1)
	neverReady  = strings.Replace(gated, "readyDeadline: 60s", "readyDeadline: 8s", 1)
)

// TestNoRequestFailsThroughRunsInARow, of ends of every kind, under one steady load. After each the route is
// what its user asked for, and nothing of the canary is left. Of a run that is deleted by hand, and of a
// Deployment, pods go with requests.
func TestNoRequestFailsThroughRunsInARow(t *testing.T) {
	stage.Long(t)
	t.Parallel()
	r := &row{scene: openBehindTraefik(t, gated), stable: "v1", n: 1}
	before := asked(r.route())
	r.LoadGateway(20)
	for i := range *soak {
		end := ends[i%len(ends)]
		r.Must("apply", "-f", "-", end.plan)
		run := end.play(r)
		if end.phase != "" {
			r.AwaitPhase(run, end.phase)
		}
		r.WantNoCanary()
		shop.AwaitNone(r.Shop, "Services of the canary", &corev1.ServiceList{}, client.HasLabels{v1alpha1.RunLabel})
		if now := asked(r.route()); now != before {
			t.Fatalf("after run %d, %s, the route is\n%s\nand was\n%s", i+1, end.name, now, before)
		}
		r.AwaitAvailable()
		image := r.Deployment("web").Spec.Template.Spec.Containers[0].Image
		_, r.stable, _ = strings.Cut(image, ":")
		results := r.Loaded()
		t.Logf("run %d, %s: %s runs, and the requests so far had the results %v", i+1, end.name, r.stable, results)
		if len(results) != 1 {
			t.Fatalf("after run %d, %s, requests had the results %v", i+1, end.name, results)
		}
	}
	r.WantNoneFailed(100 * *soak)
}
