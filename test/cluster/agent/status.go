package agent

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// observation is all that a pod's status is made from.
type observation struct {
	object     *v1.Pod
	init, main []v1.ContainerStatus
	ip, hostIP string
	started    metav1.Time
	// sandbox says that network and volumes are there, ended that no container will run any more.
	sandbox, ended bool
	// earlier are the conditions as they last were, for their times of transition.
	earlier []v1.PodCondition
}

// status derives what a kubelet would report.
func status(o observation, now metav1.Time) v1.PodStatus {
	s := v1.PodStatus{
		ObservedGeneration:    o.object.Generation,
		Phase:                 phase(o),
		HostIP:                o.hostIP,
		HostIPs:               []v1.HostIP{{IP: o.hostIP}},
		StartTime:             &o.started,
		InitContainerStatuses: o.init,
		ContainerStatuses:     o.main,
		QOSClass:              o.object.Status.QOSClass,
	}
	if o.ip != "" {
		s.PodIP, s.PodIPs = o.ip, []v1.PodIP{{IP: o.ip}}
	}
	for _, c := range conditions(o, s.Phase) {
		c.ObservedGeneration = o.object.Generation
		c.LastTransitionTime = now
		if i := slices.IndexFunc(o.earlier, func(e v1.PodCondition) bool { return e.Type == c.Type && e.Status == c.Status }); i >= 0 {
			c.LastTransitionTime = o.earlier[i].LastTransitionTime
		}
		s.Conditions = append(s.Conditions, c)
	}
	return s
}

// phase follows the kubelet's rule: a pod is Pending until its init containers are through and
// every container has run once, and comes to an end only when none is left to be restarted.
func phase(o observation) v1.PodPhase {
	running, waiting, succeeded, failed := 0, 0, 0, 0
	for _, c := range o.main {
		switch {
		case c.State.Running != nil:
			running++
		case c.State.Terminated != nil && c.State.Terminated.ExitCode == 0:
			succeeded++
		case c.State.Terminated != nil, c.LastTerminationState.Terminated != nil:
			failed++
		default:
			waiting++
		}
	}
	if o.ended {
		if succeeded == len(o.main) {
			return v1.PodSucceeded
		}
		return v1.PodFailed
	}
	if waiting > 0 || running+succeeded+failed == 0 {
		return v1.PodPending
	}
	return v1.PodRunning
}

// conditions are those that a kubelet writes; the scheduler's and anyone else's are not touched.
func conditions(o observation, phase v1.PodPhase) []v1.PodCondition {
	uninitialized := incomplete(o)
	unready := names(o.main, func(c v1.ContainerStatus) bool { return !c.Ready })
	containersReady := v1.PodCondition{Type: v1.ContainersReady, Status: v1.ConditionTrue}
	switch {
	case phase == v1.PodSucceeded:
		containersReady.Status, containersReady.Reason = v1.ConditionFalse, "PodCompleted"
	case phase == v1.PodFailed:
		containersReady.Status, containersReady.Reason = v1.ConditionFalse, "PodFailed"
	case len(unready) > 0 || phase == v1.PodPending:
		containersReady.Status, containersReady.Reason = v1.ConditionFalse, "ContainersNotReady"
		containersReady.Message = fmt.Sprintf("containers with unready status: %s", unready)
	}
	initialized := v1.PodCondition{Type: v1.PodInitialized, Status: v1.ConditionTrue}
	if len(uninitialized) > 0 {
		initialized.Status, initialized.Reason = v1.ConditionFalse, "ContainersNotInitialized"
		initialized.Message = fmt.Sprintf("containers with incomplete status: %s", uninitialized)
	}
	sandbox := v1.PodCondition{Type: v1.PodReadyToStartContainers, Status: v1.ConditionFalse}
	if o.sandbox {
		sandbox.Status = v1.ConditionTrue
	}
	return []v1.PodCondition{sandbox, initialized, ready(o, containersReady), containersReady}
}

// ready is the containers' readiness and that of the pod's readiness gates.
func ready(o observation, containers v1.PodCondition) v1.PodCondition {
	condition := containers
	condition.Type = v1.PodReady
	if containers.Status != v1.ConditionTrue {
		return condition
	}
	for _, gate := range o.object.Spec.ReadinessGates {
		passed := slices.ContainsFunc(o.object.Status.Conditions, func(c v1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == v1.ConditionTrue
		})
		if !passed {
			condition.Status, condition.Reason = v1.ConditionFalse, "ReadinessGatesNotReady"
			condition.Message = fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist or is not true.", gate.ConditionType)
		}
	}
	return condition
}

// incomplete names the init containers that have not ended well, and the sidecars that have not started.
func incomplete(o observation) []string {
	return names(o.init, func(c v1.ContainerStatus) bool {
		for _, spec := range o.object.Spec.InitContainers {
			sidecar := spec.RestartPolicy != nil && *spec.RestartPolicy == v1.ContainerRestartPolicyAlways
			if spec.Name == c.Name && sidecar {
				return !*c.Started
			}
		}
		return c.State.Terminated == nil || c.State.Terminated.ExitCode != 0
	})
}

func names(statuses []v1.ContainerStatus, match func(v1.ContainerStatus) bool) []string {
	found := []string{}
	for _, c := range statuses {
		if match(c) {
			found = append(found, c.Name)
		}
	}
	return found
}
