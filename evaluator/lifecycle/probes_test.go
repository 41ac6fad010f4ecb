package lifecycle

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/probe"
)

// probedPod is one whose application is Ready or not, and whose probe is, after some restarts.
func probedPod(app, sidecar bool, restarts int32) corev1.Pod {
	status := corev1.ConditionFalse
	if app && sidecar {
		status = corev1.ConditionTrue
	}
	p := corev1.Pod{}
	p.Name = "web-1-x"
	p.Status = corev1.PodStatus{
		Conditions:            []corev1.PodCondition{{Type: corev1.PodReady, Status: status}},
		InitContainerStatuses: []corev1.ContainerStatus{{Name: probe.Container, Ready: sidecar, RestartCount: restarts}},
		ContainerStatuses:     []corev1.ContainerStatus{{Name: "web", Ready: app}},
	}
	return p
}

// That a probe crashes is no verdict on the application beside it.
func TestTheCrashOfAProbeIsNoFailureOfTheCanary(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	failed := v1alpha1.Measurement{Outcome: v1alpha1.OutcomeFailed, Reason: v1alpha1.MeasuredNotReady, Message: "0 of 1 canary pods are Ready"}
	for name, tc := range map[string]struct {
		pod       corev1.Pod
		isTrouble bool
		outcome   v1alpha1.Outcome
	}{
		"the probe restarts":                {probedPod(true, false, 7), false, v1alpha1.OutcomeError},
		"the application is not Ready":      {probedPod(false, true, 0), false, v1alpha1.OutcomeFailed},
		"neither is":                        {probedPod(false, false, 7), false, v1alpha1.OutcomeFailed},
		"a probe that did not begin to run": {probedPod(true, false, 0), false, v1alpha1.OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			pods := []corev1.Pod{tc.pod}
			if got := findTrouble(pods, 0, noon); (got.reason != "") != tc.isTrouble {
				t.Errorf("trouble %+v", got)
			}
			m := butForProbes(failed, pods, 0, 1)
			if m.Outcome != tc.outcome {
				t.Errorf("%s: %s", m.Outcome, m.Message)
			}
			if m.Outcome == v1alpha1.OutcomeError && m.Reason != v1alpha1.MeasuredProbeFailed {
				t.Errorf("reason %s", m.Reason)
			}
		})
	}
	crashed := probedPod(true, true, 3)
	crashed.Status.ContainerStatuses[0].RestartCount = 1
	if got := findTrouble([]corev1.Pod{crashed}, 0, noon); got.reason != v1alpha1.ReasonCrashed || got.message != "pod web-1-x: container web restarted 1 time; 1 restart in all, limit 0" {
		t.Errorf("the application crashed too: %+v", got)
	}
}

func TestWhichRunsReadProbes(t *testing.T) {
	run := func(edit func(*v1alpha1.CanaryPlanSpec)) Snapshot {
		plan := &v1alpha1.CanaryPlanSpec{}
		plan.Analysis.Metrics = []v1alpha1.Metric{{Name: "success", Expect: "success >= 99%"}}
		edit(plan)
		return Snapshot{Run: Run{Spec: v1alpha1.CanaryRunSpec{Plan: plan}}}
	}
	got := map[string]bool{}
	for name, edit := range map[string]func(*v1alpha1.CanaryPlanSpec){
		"another source":         func(*v1alpha1.CanaryPlanSpec) {},
		"the source of the plan": func(p *v1alpha1.CanaryPlanSpec) { p.Analysis.Source = v1alpha1.SourceProbe },
		"the source of a metric": func(p *v1alpha1.CanaryPlanSpec) { p.Analysis.Metrics[0].Source = v1alpha1.SourceProbe },
		"of a step's metric": func(p *v1alpha1.CanaryPlanSpec) {
			p.Steps = []v1alpha1.Step{{}, {Metrics: []v1alpha1.Metric{{Name: "more", Expect: "success >= 9%", Source: v1alpha1.SourceProbe}}}}
		},
		"a named Prometheus has it": func(p *v1alpha1.CanaryPlanSpec) {
			p.Analysis.Source, p.Analysis.Endpoint = v1alpha1.SourceProbe, "default"
		},
		"a query beside the source": func(p *v1alpha1.CanaryPlanSpec) {
			p.Analysis.Source = v1alpha1.SourceProbe
			p.Analysis.Metrics = []v1alpha1.Metric{{Name: "q", Query: "up"}}
		},
	} {
		_, _, got[name] = JudgedByProbes(run(edit))
	}
	want := map[string]bool{
		"another source": false, "the source of the plan": true, "the source of a metric": true, "of a step's metric": true,
		"a named Prometheus has it": false, "a query beside the source": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// probed is a pod whose application is Ready, and whose probe crashed or runs again.
func probed(p corev1.Pod, runs bool) corev1.Pod {
	p = conditioned(p, corev1.PodReady, runs, "", "containers with unready status: [holdfast-probe]")
	restarts := int32(1)
	for _, c := range p.Status.InitContainerStatuses {
		restarts += c.RestartCount
	}
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: probe.Container, Ready: runs, Started: &runs, RestartCount: restarts}}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "web", Ready: true}}
	return p
}

// What keeps the probe from running is told from what keeps the application from being Ready.
func TestWhatOfTheProbeHinders(t *testing.T) {
	state := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "why"}}
	}
	for name, tc := range map[string]struct {
		refused string
		init    []corev1.ContainerStatus
		hinders bool
	}{
		"nothing is known yet":              {"", nil, false},
		"the pod begins":                    {"", []corev1.ContainerStatus{{Name: probe.RedirectContainer, State: state("PodInitializing")}, {Name: probe.Container, State: state("PodInitializing")}}, false},
		"both run, and the application not": {"", []corev1.ContainerStatus{{Name: probe.RedirectContainer, Ready: true}, {Name: probe.Container, Ready: true, RestartCount: 1}}, false},
		"rules cannot be written":           {"", []corev1.ContainerStatus{{Name: probe.RedirectContainer, State: state("CrashLoopBackOff"), RestartCount: 2}}, true},
		"the image of the probe is nowhere": {"", []corev1.ContainerStatus{{Name: probe.Container, State: state("ImagePullBackOff")}}, true},
		"another init container fails":      {"", []corev1.ContainerStatus{{Name: probe.Container, Ready: true}, {Name: "migrate", State: state("CrashLoopBackOff"), RestartCount: 2}}, false},
		"Pod Security refuses the pods":     {`pods "web" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "holdfast-probe-redirect" must not include "NET_ADMIN")`, nil, true},
		"a quota refuses them":              {`pods "web" is forbidden: exceeded quota`, nil, false},
	} {
		p := probedPod(false, false, 0)
		p.Status.InitContainerStatuses = tc.init
		if why := probeHinders(&Canary{CreateFailure: tc.refused}, []corev1.Pod{p}); (why != "") != tc.hinders {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// Whatever happens to runs whose probes crash, and whatever policies forbid meanwhile, they come to rest.
func TestRandomTrajectoriesWithProbes(t *testing.T) {
	probes := []string{"canary has its probe crash", "canary has its probe run", "canary cannot start its probe holdfast-probe x",
		"policies forbid to redirect", "policies allow to redirect", "pods are Ready"}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(11, seed))
		w := randomWorld(t, random)
		w.live(random, func(random *rand.Rand) string {
			if random.IntN(3) == 0 {
				return probes[random.IntN(len(probes))]
			}
			return someHappening(random)
		})
		if w.wantTidy(); !mayRest(w) || t.Failed() {
			t.Fatalf("seed %d: the run hangs in %s/%s:\n%s", seed, w.run.Status.Phase, w.run.Status.Reason, strings.Join(w.log, "\n"))
		}
	}
}
