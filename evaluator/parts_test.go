package evaluator

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/internal/hold"
)

var deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")

func canaryReplicaSet() *appsv1.ReplicaSet { return &appsv1.ReplicaSet{} }

func TestTheCacheKeepsAHashInPlaceOfATemplate(t *testing.T) {
	template := map[string]any{"spec": map[string]any{"fieldOfTomorrow": "x", "containers": []any{}}}
	want, err := hold.HashOf(template)
	if err != nil {
		t.Fatal(err)
	}
	u := newDeployment()
	u.Object["spec"] = map[string]any{"replicas": int64(3), "template": template}
	u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "x"}})
	u.SetAnnotations(map[string]string{"note": "x", v1alpha1.HeldAnnotation: "y", v1alpha1.MetricAnnotationPrefix + "m": strings.Repeat("z", 1<<20)})
	for range 2 { // a transform may see an object twice
		trimmed, err := trimDeployment(key)(u)
		if err != nil {
			t.Fatal(err)
		}
		u = trimmed.(*unstructured.Unstructured)
	}
	d := deployment{u}
	if d.hash() != want || d.replicas() != 3 || d.annotation("note") != "" || d.annotation(v1alpha1.MetricAnnotationPrefix+"m") != "" || d.annotation(v1alpha1.HeldAnnotation) != noRecord || u.GetManagedFields() != nil {
		t.Errorf("got %v", u.Object)
	}
	if _, found, _ := unstructured.NestedMap(u.Object, "spec", "template"); found {
		t.Error("the template is still there")
	}
}

// TestTheCacheKeepsOfARecordOfAnotherWhatItSaysOfItself, which is told to people, and
// nothing of what was held.
func TestTheCacheKeepsOfARecordOfAnotherWhatItSaysOfItself(t *testing.T) {
	seal := func(run string) string {
		record, err := hold.NewKey().Seal(hold.Record{
			ID: "x", Run: run, Hash: "abc", UID: "uid-other", Template: map[string]any{"spec": strings.Repeat("z", 1<<10)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return record
	}
	for record, want := range map[string]string{seal("web-there"): "web-there", seal(strings.Repeat("w", maxShort)): "", "{": ""} {
		u := newDeployment()
		u.SetUID("uid-web")
		u.Object["spec"] = map[string]any{"template": map[string]any{}}
		u.SetAnnotations(map[string]string{v1alpha1.HeldAnnotation: record})
		trimmed, err := trimDeployment(key)(u)
		if err != nil {
			t.Fatal(err)
		}
		kept := deployment{trimmed.(*unstructured.Unstructured)}
		run := ""
		if label := kept.ofAnother(); label != nil {
			run = label.Run
		}
		if text := kept.annotation(v1alpha1.HeldAnnotation); run != want || text == "" || len(text) > maxShort {
			t.Errorf("of the record of run %.20q %d bytes are kept, which name run %q", want, len(text), run)
		}
	}
}

func TestTheCacheBearsWhateverItGets(t *testing.T) {
	for _, object := range []any{
		nil, "x", &corev1.Namespace{}, &unstructured.Unstructured{}, &unstructured.Unstructured{Object: map[string]any{"spec": "x"}},
		&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": "x", "selector": int64(1), "replicas": "y"}, "status": map[string]any{"conditions": []any{int64(1)}}}},
	} {
		for _, trim := range []func(any) (any, error){trimDeployment(key), trimPod, trimReplicaSet, trimRun, trimNamespace, trimToName} {
			if _, err := trim(object); err != nil {
				t.Errorf("%v: %v", object, err)
			}
		}
		if u, ok := object.(*unstructured.Unstructured); ok {
			d := deployment{u}
			_, _ = d.view().Selector()
			_ = fmt.Sprint(d.hash(), d.replicas(), d.view().MinReadySeconds(), d.view().Paused(), d.progressing())
		}
	}
}

func TestRefusals(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"validation":             {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "web", field.ErrorList{}), true},
		"an admission webhook":   {apierrors.NewForbidden(deployments, "web", errors.New("admission webhook denied the request: images cannot be latest")), true},
		"a bad request":          {apierrors.NewBadRequest("no"), true},
		"a name that is taken":   {errNameTaken, true},
		"no permission":          {apierrors.NewForbidden(deployments, "web", errors.New(`User "system:serviceaccount:a:b" cannot patch resource "deployments" in API group "apps"`)), false},
		"a quota":                {apierrors.NewForbidden(deployments, "web", errors.New("exceeded quota: q")), false},
		"a conflict":             {apierrors.NewConflict(deployments, "web", errors.New("x")), false},
		"a webhook that is down": {apierrors.NewInternalError(errors.New("failed calling webhook")), false},
		"too many requests":      {apierrors.NewTooManyRequests("x", 1), false},
		"the network":            {errCut, false},
	} {
		if message, got := refusal(fmt.Errorf("patch: %w", tc.err)); got != tc.want || got && message == "" {
			t.Errorf("%s: %t, %q", name, got, message)
		}
	}
}

// Every transition has its words, with as many places as it is given, and no event is
// longer than the API takes.
func TestEveryTurnIsTold(t *testing.T) {
	kinds := []lifecycle.TransitionKind{
		lifecycle.TransitionPlanInvalid, lifecycle.TransitionStarted, lifecycle.TransitionReady, lifecycle.TransitionFailed, lifecycle.TransitionErrors, lifecycle.TransitionNoData, lifecycle.TransitionPassed,
		lifecycle.TransitionFrozen, lifecycle.TransitionUnguarded, lifecycle.TransitionReleaseRefused, lifecycle.TransitionReleased, lifecycle.TransitionRolledOut, lifecycle.TransitionRolloutStuck,
		lifecycle.TransitionReverted, lifecycle.TransitionCanceled, lifecycle.TransitionSuperseded, lifecycle.TransitionScheduled, lifecycle.TransitionQueued, lifecycle.TransitionRetried, lifecycle.TransitionStep,
		lifecycle.TransitionPaused, lifecycle.TransitionInconclusive, lifecycle.TransitionResumed, lifecycle.TransitionPromoted, lifecycle.TransitionWindow, lifecycle.TransitionDryRun,
		lifecycle.TransitionNotCreated, lifecycle.TransitionTakenAway, lifecycle.TransitionScaledToZero, lifecycle.TransitionDeploymentPaused,
		lifecycle.TransitionServiceLeft, lifecycle.TransitionReferenceGone,
		lifecycle.TransitionRecreate, lifecycle.TransitionGivesWay,
	}
	if len(kinds) != len(transitionForms) {
		t.Errorf("%d kinds, %d forms", len(kinds), len(transitionForms))
	}
	c := newCluster(t)
	run := &v1alpha1.CanaryRun{ObjectMeta: metav1.ObjectMeta{Name: "web-x", UID: "x"}}
	for _, kind := range kinds {
		transition := lifecycle.Transition{Kind: kind, Reason: "Worse", Message: "because " + strings.Repeat("é", 1000)}
		if kind == lifecycle.TransitionFailed || kind == lifecycle.TransitionErrors || kind == lifecycle.TransitionNoData {
			transition.Metric, transition.Measurement = "errors", v1alpha1.Measurement{Range: "[0, 1]", Query: "up"}
			transition.Message = "because"
		}
		c.events = nil
		c.e.runs.announce.transition(deployment{}, run, transition)
		if len(c.events) != 1 || strings.Contains(c.events[0], "%!") || !strings.Contains(c.events[0], "because") || len(c.events[0]) > maxNote+100 {
			t.Errorf("%s: %v", kind, c.events)
		}
		ends := kind == lifecycle.TransitionReverted || kind == lifecycle.TransitionFrozen || kind == lifecycle.TransitionInconclusive
		if strings.Contains(c.events[0], "Worse: because") != ends {
			t.Errorf("%s: the reason of a verdict belongs to events that tell one: %v", kind, c.events)
		}
	}
}

func TestMetricsExposition(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	c := newCluster(t)
	m := NewMetrics(registry, c.api)
	c.hold()
	c.passes(3)
	m.holds.Inc()
	m.verdicts.WithLabelValues("Fail", verdictReason("Crashed")).Inc()
	m.verdicts.WithLabelValues("Fail", verdictReason("whatever a user wrote")).Inc()
	m.duration.Observe(61)
	m.decisions.WithLabelValues(decisionAbort).Inc()
	want := `
# HELP holdfast_decisions_total What people had runs do, by decision.
# TYPE holdfast_decisions_total counter
holdfast_decisions_total{decision="Abort"} 1
holdfast_decisions_total{decision="Promote"} 0
holdfast_decisions_total{decision="Retry"} 0
# HELP holdfast_holds_total Held updates for which a run was made.
# TYPE holdfast_holds_total counter
holdfast_holds_total 1
# HELP holdfast_measurements_total Measurements of metrics of runs, by outcome.
# TYPE holdfast_measurements_total counter
holdfast_measurements_total{outcome="Error"} 0
holdfast_measurements_total{outcome="Failed"} 0
holdfast_measurements_total{outcome="NoData"} 0
holdfast_measurements_total{outcome="Passed"} 0
# HELP holdfast_overtaken_deployments Deployments of which three updates in a row or more were superseded before a verdict, and nothing was released since.
# TYPE holdfast_overtaken_deployments gauge
holdfast_overtaken_deployments 0
# HELP holdfast_run_duration_seconds Time from the making of a run to its end.
# TYPE holdfast_run_duration_seconds histogram
holdfast_run_duration_seconds_bucket{le="60"} 0
holdfast_run_duration_seconds_bucket{le="300"} 1
holdfast_run_duration_seconds_bucket{le="600"} 1
holdfast_run_duration_seconds_bucket{le="1200"} 1
holdfast_run_duration_seconds_bucket{le="2400"} 1
holdfast_run_duration_seconds_bucket{le="3600"} 1
holdfast_run_duration_seconds_bucket{le="7200"} 1
holdfast_run_duration_seconds_bucket{le="14400"} 1
holdfast_run_duration_seconds_bucket{le="86400"} 1
holdfast_run_duration_seconds_bucket{le="+Inf"} 1
holdfast_run_duration_seconds_sum 61
holdfast_run_duration_seconds_count 1
# HELP holdfast_runs Runs that exist, by phase.
# TYPE holdfast_runs gauge
holdfast_runs{phase="Canceled"} 0
holdfast_runs{phase="Frozen"} 0
holdfast_runs{phase="Passed"} 0
holdfast_runs{phase="Paused"} 0
holdfast_runs{phase="Released"} 0
holdfast_runs{phase="Releasing"} 0
holdfast_runs{phase="Reverted"} 0
holdfast_runs{phase="Running"} 1
holdfast_runs{phase="Scheduled"} 0
holdfast_runs{phase="Starting"} 0
holdfast_runs{phase="Superseded"} 0
holdfast_runs{phase="Waiting"} 0
# HELP holdfast_superseded_runs_total Runs in whose place a newer update was held before they had a verdict.
# TYPE holdfast_superseded_runs_total counter
holdfast_superseded_runs_total 0
# HELP holdfast_ungated_updates_total Updates of guarded Deployments that the webhook was not asked about.
# TYPE holdfast_ungated_updates_total counter
holdfast_ungated_updates_total 0
# HELP holdfast_verdicts_total Verdicts on runs, by verdict and reason.
# TYPE holdfast_verdicts_total counter
holdfast_verdicts_total{reason="Crashed",verdict="Fail"} 1
holdfast_verdicts_total{reason="other",verdict="Fail"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestCacheOptionsNameEveryKind(t *testing.T) {
	var kinds []string
	for object := range CacheOptions(key).ByObject {
		kinds = append(kinds, fmt.Sprintf("%T", object))
	}
	if diff := cmp.Diff(6, len(kinds)); diff != "" {
		t.Errorf("kinds %v", kinds)
	}
}

// Every reason that a verdict can have is explained where criteria are.
func TestReasonsOfVerdictsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/criteria/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reasons, found := strings.Cut(string(page), "## Reasons of verdicts")
	if !found {
		t.Fatal("the page has no section about them")
	}
	for _, reason := range verdictReasons {
		if !strings.Contains(reasons, "`"+reason+"`") {
			t.Errorf("%s is not there", reason)
		}
	}
}
