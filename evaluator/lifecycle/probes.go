package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/probe"
)

// A probe is a container of the pods of a run and none of its application. That it
// crashes says nothing of the update: its restarts do not count, and pods that only
// it keeps from being Ready are an error of their measurement.

// JudgedByProbes is how a run is judged in all of its steps, and how long these take, where
// any of its metrics reads probes.
func JudgedByProbes(in Snapshot) (a v1alpha1.Analysis, total time.Duration, reads bool) {
	if asked, _ := askedPlan(in); !mentionsProbes(asked) || in.Run.Status.Phase.Ended() || in.Run.Deleting {
		return v1alpha1.Analysis{}, 0, false
	}
	s := reading(in)
	a = *s.plan.Analysis.DeepCopy()
	for _, step := range s.plan.Steps {
		a.Metrics = append(a.Metrics, step.Metrics...)
	}
	return a, s.plan.Total(), s.judged && a.ReadsAnyProbes()
}

// mentionsProbes is no for most plans, before their defaults are set.
func mentionsProbes(spec *v1alpha1.CanaryPlanSpec) bool {
	names := func(m v1alpha1.Metric) bool { return m.Source == v1alpha1.SourceProbe }
	return spec.Analysis.Source == v1alpha1.SourceProbe || slices.ContainsFunc(spec.Analysis.Metrics, names) ||
		slices.ContainsFunc(spec.Steps, func(step v1alpha1.Step) bool { return slices.ContainsFunc(step.Metrics, names) })
}

func isProbe(c corev1.ContainerStatus) bool {
	return c.Name == probe.Container || c.Name == probe.RedirectContainer
}

// withoutProbe are containers but for the probe and what redirects to it.
func withoutProbe(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	if !slices.ContainsFunc(all, isProbe) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), isProbe)
}

// probeHinders says what of the probe keeps a canary from getting Ready, "" if nothing does: its pods are
// refused because of it, or one of its containers does not get to run, and the application after it is not
// begun. Nothing is known of the application then.
func probeHinders(c *Canary, pods []corev1.Pod) string {
	if c != nil && strings.Contains(c.CreateFailure, probe.RedirectContainer) { // as Pod Security names it
		return "pods that have the probe are refused: " + c.CreateFailure
	}
	for _, p := range byPodName(pods) {
		if p.DeletionTimestamp != nil || podIsReady(p) {
			continue
		}
		for _, c := range p.Status.InitContainerStatuses {
			if isProbe(c) && (c.Started == nil || !*c.Started) && !c.Ready && doesNotRun(c) {
				return fmt.Sprintf("pod %s: container %s, which measures requests, does not run%s", p.Name, c.Name, whyNotRun(c))
			}
		}
	}
	return ""
}

// doesNotRun says whether a container has failed, or waits for other than its turn.
func doesNotRun(c corev1.ContainerStatus) bool {
	if w := c.State.Waiting; w != nil {
		return w.Reason != "PodInitializing" && w.Reason != "ContainerCreating" && w.Reason != ""
	}
	return c.RestartCount > 0 || c.State.Terminated != nil && c.State.Terminated.ExitCode != 0
}

func whyNotRun(c corev1.ContainerStatus) string {
	if w := c.State.Waiting; w != nil && w.Reason != "CrashLoopBackOff" {
		return fmt.Sprintf(": %s: %s", w.Reason, w.Message)
	}
	return lastEnd(c)
}

// butForProbes makes the failure of pods an error that is one of their probes.
func butForProbes(m v1alpha1.Measurement, pods []corev1.Pod, ready, wanted int32) v1alpha1.Measurement {
	lack := lackProbes(pods)
	if m.Outcome == v1alpha1.OutcomeFailed && len(lack) > 0 && ready+int32(len(lack)) >= wanted {
		m.Outcome, m.Reason = v1alpha1.OutcomeError, v1alpha1.MeasuredProbeFailed
		m.Message += fmt.Sprintf("; the probe of pod %s (container %s) does not run, and all else in it is Ready", lack[0], probe.Container)
	}
	return m
}

// lackProbes are the pods that are not Ready and would be, but for their probes, which did
// run: their application does.
func lackProbes(pods []corev1.Pod) (names []string) {
	for _, p := range pods {
		if p.DeletionTimestamp == nil && !podIsReady(p) && onlyProbeIsDown(p) {
			names = append(names, p.Name)
		}
	}
	return names
}

func onlyProbeIsDown(p corev1.Pod) bool {
	isDown := slices.ContainsFunc(p.Status.InitContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.Name == probe.Container && !c.Ready && c.RestartCount > 0
	})
	return isDown && len(p.Status.ContainerStatuses) > 0 &&
		!slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return !c.Ready })
}
