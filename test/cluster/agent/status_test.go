package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Container states to make pods of.
func waitingState() v1.ContainerStatus {
	return v1.ContainerStatus{Name: "waiting", Started: new(bool), State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{}}}
}

func runningState(ready bool) v1.ContainerStatus {
	yes := true
	return v1.ContainerStatus{Name: "running", Started: &yes, Ready: ready, State: v1.ContainerState{Running: &v1.ContainerStateRunning{}}}
}

func endedState(code int32) v1.ContainerStatus {
	return v1.ContainerStatus{Name: "ended", Started: new(bool), State: v1.ContainerState{Terminated: &v1.ContainerStateTerminated{ExitCode: code}}}
}

func crashLoopState() v1.ContainerStatus {
	s := waitingState()
	s.LastTerminationState = endedState(1).State
	return s
}

func TestPhaseAndConditions(t *testing.T) {
	type result struct {
		Phase              v1.PodPhase
		Initialized, Ready string // the reason, or "" for True
	}
	list := func(s ...v1.ContainerStatus) []v1.ContainerStatus { return s }
	for name, c := range map[string]struct {
		init, main []v1.ContainerStatus
		ended      bool
		want       result
	}{
		"nothing runs yet":                     {main: list(waitingState()), want: result{v1.PodPending, "", "ContainersNotReady"}},
		"all are ready":                        {main: list(runningState(true), runningState(true)), want: result{v1.PodRunning, "", ""}},
		"one is not ready":                     {main: list(runningState(true), runningState(false)), want: result{v1.PodRunning, "", "ContainersNotReady"}},
		"one was never started":                {main: list(runningState(true), waitingState()), want: result{v1.PodPending, "", "ContainersNotReady"}},
		"a crash loop is a running pod":        {main: list(crashLoopState()), want: result{v1.PodRunning, "", "ContainersNotReady"}},
		"ended, but to be restarted":           {main: list(endedState(1)), want: result{v1.PodRunning, "", "ContainersNotReady"}},
		"an init container has not ended":      {init: list(waitingState()), main: list(waitingState()), want: result{v1.PodPending, "ContainersNotInitialized", "ContainersNotReady"}},
		"an init container has ended well":     {init: list(endedState(0)), main: list(runningState(true)), want: result{v1.PodRunning, "", ""}},
		"all ended well, for good":             {main: list(endedState(0)), ended: true, want: result{v1.PodSucceeded, "", "PodCompleted"}},
		"one ended badly, for good":            {main: list(endedState(0), endedState(1)), ended: true, want: result{v1.PodFailed, "", "PodFailed"}},
		"an init container failed, for good":   {init: list(endedState(1)), main: list(waitingState()), ended: true, want: result{v1.PodFailed, "ContainersNotInitialized", "PodFailed"}},
		"deleted before it ever ran, for good": {main: list(waitingState()), ended: true, want: result{v1.PodFailed, "", "PodFailed"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := status(observation{object: &v1.Pod{}, init: c.init, main: c.main, ended: c.ended}, metav1.Now())
			got := result{Phase: s.Phase}
			for _, condition := range s.Conditions {
				switch condition.Type {
				case v1.PodInitialized:
					got.Initialized = condition.Reason
				case v1.PodReady:
					got.Ready = condition.Reason
				}
				if (condition.Status == v1.ConditionTrue) != (condition.Reason == "") && condition.Type != v1.PodReadyToStartContainers {
					t.Errorf("%s is %s with reason %q", condition.Type, condition.Status, condition.Reason)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConditionKeepsItsTimeOfTransition(t *testing.T) {
	early, late := metav1.Unix(100, 0), metav1.Unix(200, 0)
	o := observation{object: &v1.Pod{}, main: []v1.ContainerStatus{runningState(false)}}
	o.earlier = status(o, early).Conditions
	o.main = []v1.ContainerStatus{runningState(true)}
	for _, c := range status(o, late).Conditions {
		want := early
		if c.Type == v1.PodReady || c.Type == v1.ContainersReady {
			want = late
		}
		if !c.LastTransitionTime.Equal(&want) {
			t.Errorf("%s moved at %s, want %s", c.Type, c.LastTransitionTime, want)
		}
	}
}

func TestReadinessGateHoldsReadyBack(t *testing.T) {
	object := &v1.Pod{Spec: v1.PodSpec{ReadinessGates: []v1.PodReadinessGate{{ConditionType: "example.com/gate"}}}}
	o := observation{object: object, main: []v1.ContainerStatus{runningState(true)}}
	reason := func() string {
		for _, c := range status(o, metav1.NewTime(time.Unix(0, 0))).Conditions {
			if c.Type == v1.PodReady {
				return c.Reason
			}
		}
		return "no condition"
	}
	if got := reason(); got != "ReadinessGatesNotReady" {
		t.Errorf("closed gate: got reason %q", got)
	}
	object.Status.Conditions = []v1.PodCondition{{Type: "example.com/gate", Status: v1.ConditionTrue}}
	if got := reason(); got != "" {
		t.Errorf("open gate: got reason %q", got)
	}
}
