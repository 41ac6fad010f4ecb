package gather

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
	"holdfast.dev/holdfast/evaluator/objects"
	"holdfast.dev/holdfast/evaluator/probes"
	"holdfast.dev/holdfast/internal/query"
)

// maxProbes is how many pods of the canary, and of the baseline, are read.
const maxProbes = 100

// gatherProbes has the probes of a run read for as long as its metrics ask for that: from before its pods are
// made, so that nothing of them is missed.
func (g *Gatherer) gatherProbes(ctx context.Context, seen *Observed) error {
	a, total, reads := lifecycle.JudgedByProbes(seen.Snapshot)
	name := client.ObjectKeyFromObject(seen.CanaryRun)
	if !reads {
		g.Probes.Forget(name)
		return nil
	}
	run := probes.ProbedRun{Name: name, UID: seen.CanaryRun.UID, ProbeTimes: query.ProbeTimesOf(a, total)}
	run.Pods = append(probesIn("canary", seen.Pods), probesIn("baseline", seen.BaselinePods)...)
	asksStable := func(m v1alpha1.Metric) bool { return a.ReadsProbes(m) && query.NamesStable(m) }
	if seen.CanaryRun.Status.CreatedAt != nil && slices.ContainsFunc(a.Metrics, asksStable) {
		stable, err := g.Stable.Probes(ctx, seen.CanaryRun, seen.DeploymentObject)
		if err != nil {
			return err
		}
		run.Pods = append(run.Pods, stable...)
	}
	g.Probes.Watch(ctx, run)
	return nil
}

// probesIn are the pods of one side whose probes are read.
func probesIn(side string, pods []corev1.Pod) []probes.ProbedPod {
	var out []probes.ProbedPod
	for _, p := range pods {
		ended := p.Status.Phase == corev1.PodFailed || p.Status.Phase == corev1.PodSucceeded
		if p.DeletionTimestamp != nil || ended {
			continue
		}
		isReady := slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		out = append(out, probes.ProbedPod{Name: p.Name, UID: p.UID, IP: p.Status.PodIP, HostIP: p.Status.HostIP, IsReady: isReady, Lacks: objects.MeshOfPod(&p)})
	}
	slices.SortFunc(out, func(a, b probes.ProbedPod) int { return strings.Compare(a.Name, b.Name) })
	for i := maxProbes; i < len(out); i++ {
		out[i].Lacks = fmt.Sprintf("it is not read: the %s has %d pods, and %d of them are read at most; have a Prometheus scrape them, and name it in analysis.endpoint", side, len(out), maxProbes)
	}
	return out
}
