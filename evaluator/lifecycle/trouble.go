package lifecycle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// PullGrace is how long a container may fail to pull its image or to be
// configured, from when the pod came as far as its turn: registries have bad
// moments, and a Secret or ConfigMap applied together with the Deployment may come
// a moment later.
const PullGrace = 20 * time.Second

// trouble is what no more waiting will mend. Its zero value is none.
type trouble struct{ reason, message string }

// The kubelet's reasons for which a container waits (source:
// pkg/kubelet/images/types.go and pkg/kubelet/kuberuntime of Kubernetes 1.36).
var (
	pullNever = map[string]bool{"InvalidImageName": true, "ErrImageNeverPull": true}
	pullFails = map[string]bool{
		"ErrImagePull": true, "ImagePullBackOff": true, "ImageInspectError": true,
		"RegistryUnavailable": true, "SignatureValidationFailed": true,
	}
	configFails = map[string]bool{"CreateContainerConfigError": true, "CreateContainerError": true}
)

// reasonToWait is the run's reason for one of the kubelet's.
func reasonToWait(kubelet string) string {
	switch {
	case pullNever[kubelet], pullFails[kubelet]:
		return v1alpha1.ReasonImagePull
	case configFails[kubelet]:
		return v1alpha1.ReasonContainerConfig
	}
	return v1alpha1.ReasonNotReady
}

// findTrouble looks for, in this order: more restarts than the limit, an image
// that can never be pulled, one that could not be within PullGrace, and a
// container that could not be configured within it.
func findTrouble(pods []corev1.Pod, restartLimit int32, now time.Time) trouble {
	pods = byPodName(pods)
	if t := findCrash(pods, restartLimit); t.reason != "" {
		return t
	}
	var found []trouble
	eachWaiting(pods, func(p corev1.Pod, c corev1.ContainerStatus) {
		w := c.State.Waiting
		over := !now.Before(turnOf(p).Add(PullGrace))
		if reason := reasonToWait(w.Reason); reason != v1alpha1.ReasonNotReady && (over || pullNever[w.Reason]) {
			found = append(found, trouble{reason, fmt.Sprintf("pod %s: container %s: %s: %s", p.Name, c.Name, w.Reason, w.Message)})
		}
	})
	if len(found) == 0 {
		return trouble{}
	}
	return slices.MinFunc(found, func(a, b trouble) int { // ImagePull before ContainerConfig
		return -strings.Compare(a.reason, b.reason)
	})
}

func findCrash(pods []corev1.Pod, limit int32) trouble {
	var restarts int32
	var worst, detail string
	most := int32(0)
	for _, p := range pods {
		for _, c := range containers(p) {
			restarts += c.RestartCount
			if c.RestartCount > most {
				most, worst = c.RestartCount, fmt.Sprintf("pod %s: container %s", p.Name, c.Name)
				detail = lastEnd(c)
			}
		}
	}
	if restarts <= limit {
		return trouble{}
	}
	return trouble{v1alpha1.ReasonCrashed, fmt.Sprintf(
		"%s restarted %s%s; %s in all, limit %d", worst, times(most), detail, plural(restarts, "restart"), limit)}
}

// lastEnd says how a container ended last, with the kubelet's words.
func lastEnd(c corev1.ContainerStatus) string {
	t := c.LastTerminationState.Terminated
	if t == nil {
		t = c.State.Terminated
	}
	if t == nil {
		return ""
	}
	text := fmt.Sprintf(", last with exit code %d", t.ExitCode)
	if t.Signal != 0 {
		text += fmt.Sprintf(" by signal %d", t.Signal)
	}
	if t.Reason != "" {
		text += " (" + t.Reason + ")"
	}
	if message := strings.TrimSpace(t.Message); message != "" {
		text += ": " + clip(message, 200)
	}
	return text
}

// nextGraceEnd is the first time from now on at which PullGrace ends for a
// container that waits for its image or its configuration, zero if there is none.
func nextGraceEnd(pods []corev1.Pod, now time.Time) time.Time {
	var next time.Time
	eachWaiting(pods, func(p corev1.Pod, c corev1.ContainerStatus) {
		end := turnOf(p).Add(PullGrace)
		waits := pullFails[c.State.Waiting.Reason] || configFails[c.State.Waiting.Reason]
		if waits && end.After(now) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	})
	return next
}

func eachWaiting(pods []corev1.Pod, visit func(corev1.Pod, corev1.ContainerStatus)) {
	for _, p := range pods {
		for _, c := range containers(p) {
			if p.DeletionTimestamp == nil && c.State.Waiting != nil {
				visit(p, c)
			}
		}
	}
}

// containers are those of a pod, but for a probe.
func containers(p corev1.Pod) []corev1.ContainerStatus {
	return slices.Concat(withoutProbe(p.Status.InitContainerStatuses), p.Status.ContainerStatuses)
}

// turnOf is when a pod last came forward: it was taken by a node, its volumes and
// its network were there, its init containers were through, another of its
// containers, which are started one by one, ran or ended for the first time.
func turnOf(p corev1.Pod) time.Time {
	latest := p.CreationTimestamp.Time
	came := func(at metav1.Time) {
		if at.After(latest) {
			latest = at.Time
		}
	}
	if p.Status.StartTime != nil {
		came(*p.Status.StartTime)
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReadyToStartContainers, corev1.PodInitialized} {
		if c := find(p, kind); c != nil && c.Status == corev1.ConditionTrue {
			came(c.LastTransitionTime)
		}
	}
	for _, c := range containers(p) {
		switch {
		case c.RestartCount > 0:
		case c.State.Running != nil:
			came(c.State.Running.StartedAt)
		case c.State.Terminated != nil:
			came(c.State.Terminated.FinishedAt)
		}
	}
	return latest
}

func byPodName(pods []corev1.Pod) []corev1.Pod {
	return slices.SortedFunc(slices.Values(pods), func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
}

func times(n int32) string { return plural(n, "time") }

func plural(n int32, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
