package lifecycle

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestRolloutOf(t *testing.T) {
	current := ReplicaSetState{Hash: "b", Revision: 2, Wanted: 3, Running: 3, Available: 3, Observed: true}
	old := ReplicaSetState{Hash: "a", Revision: 1, Observed: true}
	with := func(rs ReplicaSetState, edit func(*ReplicaSetState)) ReplicaSetState { edit(&rs); return rs }
	for name, tc := range map[string]struct {
		replicas    int32
		sets        []ReplicaSetState
		progressing string
		want        RolloutState
		says        string
	}{
		"complete":                          {3, []ReplicaSetState{old, current}, "NewReplicaSetAvailable", RolloutComplete, ""},
		"no ReplicaSet yet":                 {3, []ReplicaSetState{old}, "NewReplicaSetAvailable", RolloutUnderWay, "is not made yet"},
		"nothing wanted, nothing there":     {0, nil, "", RolloutComplete, ""},
		"old pods left":                     {3, []ReplicaSetState{with(old, func(rs *ReplicaSetState) { rs.Running = 1 }), current}, "", RolloutUnderWay, "1 pod of other templates"},
		"scaling up":                        {4, []ReplicaSetState{current}, "", RolloutUnderWay, "3 pods of it, where 4 are wanted"},
		"scaling down":                      {2, []ReplicaSetState{current}, "", RolloutUnderWay, "3 pods of it, where 2 are wanted"},
		"scaled up, and complete before":    {4, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Wanted = 4 })}, "NewReplicaSetAvailable", RolloutComplete, ""},
		"a pod was taken away":              {3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Running, rs.Available = 2, 2 })}, "NewReplicaSetAvailable", RolloutComplete, ""},
		"scaled up a moment ago":            {4, []ReplicaSetState{current}, "NewReplicaSetAvailable", RolloutUnderWay, "3 pods of it, where 4 are wanted"},
		"not observed":                      {3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Observed = false })}, "NewReplicaSetAvailable", RolloutUnderWay, ""},
		"not available yet":                 {3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Available = 1 })}, "ReplicaSetUpdated", RolloutUnderWay, "1 of 3 pods are available"},
		"complete once, ill now":            {3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Available = 1 })}, "NewReplicaSetAvailable", RolloutComplete, ""},
		"stuck":                             {3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Available = 1 })}, "ProgressDeadlineExceeded", RolloutStuck, "1 of 3 pods are available"},
		"a rejection's word is not trusted": {3, []ReplicaSetState{current}, "ProgressDeadlineExceeded", RolloutComplete, ""},
		"a restart has two of one hash": {
			3, []ReplicaSetState{with(current, func(rs *ReplicaSetState) { rs.Revision = 3 }), with(current, func(rs *ReplicaSetState) { rs.Running = 1 })},
			"", RolloutUnderWay, "3 pods of other templates",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := RolloutOf(Deployment{Hash: "b", Replicas: tc.replicas}, tc.sets, tc.progressing)
			if got.State != tc.want || !strings.Contains(got.Message, tc.says) {
				t.Errorf("got %+v, want %s and %q", got, tc.want, tc.says)
			}
		})
	}
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Minute: "1m", 80 * time.Second: "1m20s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		time.Hour + time.Second: "1h0m1s", 1500 * time.Millisecond: "1.5s", 10 * time.Minute: "10m",
	} {
		if got := Short(d); got != want {
			t.Errorf("Short(%v) = %s, want %s", d, got, want)
		}
	}
}

// The grace of an image counts from when its container came to its turn.
func TestGraceCountsFromTheTurnOfAContainer(t *testing.T) {
	at := func(d time.Duration) metav1.Time { return metav1.NewTime(noon.Add(d)) }
	start := at(0)
	bad := corev1.ContainerStatus{Name: "app", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}}}
	condition := func(kind corev1.PodConditionType, d time.Duration) corev1.PodStatus {
		return corev1.PodStatus{StartTime: &start, Conditions: []corev1.PodCondition{{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: at(d)}}}
	}
	beside := func(c corev1.ContainerStatus) corev1.PodStatus {
		return corev1.PodStatus{StartTime: &start, ContainerStatuses: []corev1.ContainerStatus{c}}
	}
	ran := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at(time.Minute)}}
	for name, tc := range map[string]struct {
		status corev1.PodStatus
		want   time.Duration
	}{
		"at once":                    {corev1.PodStatus{StartTime: &start}, 0},
		"volumes took a minute":      {condition(corev1.PodReadyToStartContainers, time.Minute), time.Minute},
		"init containers did":        {condition(corev1.PodInitialized, time.Minute), time.Minute},
		"another image did":          {beside(corev1.ContainerStatus{Name: "proxy", State: ran}), time.Minute},
		"another container restarts": {beside(corev1.ContainerStatus{Name: "proxy", State: ran, RestartCount: 1}), 0},
	} {
		p := pod("web", noon)
		p.Status = tc.status
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, bad)
		end := noon.Add(tc.want + PullGrace)
		if got := nextGraceEnd([]corev1.Pod{p}, noon); !got.Equal(end) {
			t.Errorf("%s: the grace ends at %s, want %s", name, got, end)
		}
		if before := findTrouble([]corev1.Pod{p}, 1, end.Add(-time.Second)); before.reason != "" {
			t.Errorf("%s: within the grace: %+v", name, before)
		}
		if after := findTrouble([]corev1.Pod{p}, 1, end); after.reason != v1alpha1.ReasonImagePull {
			t.Errorf("%s: after it: %+v", name, after)
		}
	}
}

// A pod that a drain took away is given time to start elsewhere; one that is sick
// itself, restarts, or was put out by its node is not.
func TestReplacedPodsAreGivenTime(t *testing.T) {
	fresh := func(edit func(*corev1.Pod)) corev1.Pod {
		p := pod("fresh", noon.Add(time.Minute))
		edit(&p)
		return p
	}
	same := func(*corev1.Pod) {}
	old := pod("old", noon.Add(-time.Minute))
	put := old
	put.Status.Phase = corev1.PodFailed
	for name, tc := range map[string]struct {
		pods  []corev1.Pod
		after time.Duration
		want  v1alpha1.Outcome
	}{
		"no longer Ready":     {[]corev1.Pod{old}, time.Minute, v1alpha1.OutcomeFailed},
		"not made yet":        {nil, time.Minute, v1alpha1.OutcomeError},
		"starts":              {[]corev1.Pod{fresh(same)}, 61 * time.Second, v1alpha1.OutcomeError},
		"starts for too long": {[]corev1.Pod{fresh(same)}, time.Hour, v1alpha1.OutcomeFailed},
		"starts in place of one that its node put out": {[]corev1.Pod{put, fresh(same)}, 61 * time.Second, v1alpha1.OutcomeFailed},
		"starts and restarts":                          {[]corev1.Pod{fresh(func(p *corev1.Pod) { *p = restarted(*p, 1) })}, 61 * time.Second, v1alpha1.OutcomeFailed},
		"was put out":                                  {[]corev1.Pod{put}, time.Minute, v1alpha1.OutcomeFailed},
	} {
		w := newWorld(t)
		ready := metav1.NewTime(noon)
		in := w.input()
		in.Now, in.Pods = noon.Add(tc.after), tc.pods
		in.Canary = &Canary{Replicas: 1}
		in.Run.Status.Replicas, in.Run.Status.Step = 1, &v1alpha1.StepStatus{Number: 1, ReadyAt: &ready}
		s := newPlanner(in)
		if got := healthOf(s.in, s.course).measure(in.Now); got.Outcome != tc.want || got.Reason != v1alpha1.MeasuredNotReady {
			t.Errorf("%s: got %s %s: %s", name, got.Outcome, got.Reason, got.Message)
		}
	}
}
