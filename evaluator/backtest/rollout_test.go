package backtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pod lives from one minute to another.
func pod(name string, from, to int) RecordedPod {
	return RecordedPod{Name: name, ReplicaSet: ReplicaSetOf(name), First: after(time.Duration(from) * time.Minute), Last: after(time.Duration(to) * time.Minute)}
}

func TestFind(t *testing.T) {
	type found struct {
		Minute     int
		ReplicaSet string
		Stable     []string
		Pods       int
		Before     int
	}
	for name, tc := range map[string]struct {
		pods []RecordedPod
		want []found
	}{
		"a new ReplicaSet beside one that has pods": {
			[]RecordedPod{pod("web-1-a", 0, 31), pod("web-1-b", 0, 30), pod("web-2-a", 30, 60), pod("web-2-b", 31, 60)},
			[]found{{30, "web-2", []string{"web-1"}, 2, 2}}},
		"the first of all is no rollout": {[]RecordedPod{pod("web-1-a", 10, 60)}, nil},
		"a pod in the place of another is no rollout": {
			[]RecordedPod{pod("web-1-a", 0, 60), pod("web-1-b", 0, 20), pod("web-1-c", 20, 60)}, nil},
		"a rollback is one, and has its own pods only": {
			[]RecordedPod{pod("web-1-a", 0, 20), pod("web-2-a", 20, 40), pod("web-1-b", 40, 60)},
			[]found{{20, "web-2", []string{"web-1"}, 1, 1}, {40, "web-1", []string{"web-2"}, 1, 1}}},
		"what began before the time is left out": {
			[]RecordedPod{pod("web-1-a", -60, 0), pod("web-2-a", -10, 60)}, nil},
		"what began after it too": {
			[]RecordedPod{pod("web-1-a", 0, 200), pod("web-2-a", 100, 200)}, nil},
		"two old ReplicaSets are both stable": {
			[]RecordedPod{pod("web-2-a", 8, 60), pod("web-1-a", 0, 60), pod("web-3-a", 30, 60)},
			[]found{{8, "web-2", []string{"web-1"}, 1, 1}, {30, "web-3", []string{"web-1", "web-2"}, 1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []found
			for _, r := range Find(tc.pods, start, after(time.Hour)) {
				got = append(got, found{int(r.At.Sub(start).Minutes()), r.ReplicaSet, r.Stable, len(r.Pods), r.Before})
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNear(t *testing.T) {
	found := []Rollout{{At: after(0), ReplicaSet: "web-1"}, {At: after(time.Hour), ReplicaSet: "web-2"}}
	got := Near(found, []time.Time{after(50 * time.Minute), after(58 * time.Minute), after(30 * time.Minute)})
	want := []Rollout{found[1], {At: after(30 * time.Minute)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReplicaSetOf(t *testing.T) {
	for pod, want := range map[string]string{"web-5d8f-x2x4z": "web-5d8f", "lonely": "lonely"} {
		if got := ReplicaSetOf(pod); got != want {
			t.Errorf("%s: got %s, want %s", pod, got, want)
		}
	}
}
