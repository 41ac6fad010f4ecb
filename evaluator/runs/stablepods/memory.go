package stablepods

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// maxKeptStablePods is how many of a run stand in its status, and how many are remembered
// that are gone.
const maxKeptStablePods = 500

// memory remembers the stable pods that were seen beside the canaries of runs under
// way: a window looks back at those that are gone too. It is safe for use by several
// goroutines.
type memory struct {
	mu sync.Mutex
	of map[types.NamespacedName]*seenPods
}

// seenPods has by ReplicaSet and name when a pod was last there.
type seenPods struct {
	run  types.UID
	sets map[string]map[string]time.Time
	// at is when it was looked last.
	at time.Time
}

// seenBefore are those that stand in the status of a run.
func seenBefore(run *v1alpha1.CanaryRun) *seenPods {
	out := &seenPods{run: run.UID, sets: map[string]map[string]time.Time{}}
	for _, set := range run.Status.Stable {
		out.sets[set.Name] = map[string]time.Time{}
		for _, pod := range set.Pods {
			if query.IsNamedAsPodOf(set.Name, pod) {
				out.sets[set.Name][pod] = time.Time{}
			}
		}
	}
	return out
}

func (m *memory) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of = map[types.NamespacedName]*seenPods{}
}

func (m *memory) forget(run types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of, run)
}

func (m *memory) knows(run *v1alpha1.CanaryRun) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[client.ObjectKeyFromObject(run)]
	return known != nil && known.run == run.UID
}

// note adds the pods that are there to those that were, and returns all of these
// ReplicaSets, in order of their names. Of others nothing is remembered: they are no
// longer stable.
func (m *memory) note(run *v1alpha1.CanaryRun, there map[string][]string, now time.Time) map[string][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := client.ObjectKeyFromObject(run)
	was := m.of[name]
	if was == nil || was.run != run.UID {
		was = seenBefore(run)
	}
	is := &seenPods{run: run.UID, sets: map[string]map[string]time.Time{}, at: now}
	m.of[name] = is
	for set, pods := range there {
		is.sets[set] = map[string]time.Time{}
		maps.Copy(is.sets[set], was.sets[set])
		for _, pod := range pods {
			is.sets[set][pod] = now
		}
	}
	for _, pod := range is.goneFirst() {
		if pod.last.Before(now) && pod.n >= maxKeptStablePods {
			delete(is.sets[pod.set], pod.name)
		}
	}
	out := map[string][]string{}
	for set, pods := range is.sets {
		out[set] = slices.Sorted(maps.Keys(pods))
	}
	return out
}

// seenPod is a pod that was seen, the n-th of those that are kept.
type seenPod struct {
	set, name string
	last      time.Time
	n         int
}

// goneFirst are all pods, those that are gone before the others: the newest of them first.
func (s *seenPods) goneFirst() []seenPod {
	var out []seenPod
	for set, pods := range s.sets {
		for name, last := range pods {
			out = append(out, seenPod{set: set, name: name, last: last})
		}
	}
	slices.SortFunc(out, func(a, b seenPod) int {
		isThere := 0
		if a.last.Before(s.at) != b.last.Before(s.at) {
			isThere = 1
			if a.last.Before(s.at) {
				isThere = -1
			}
		}
		return cmp.Or(isThere, b.last.Compare(a.last), strings.Compare(a.set, b.set), strings.Compare(a.name, b.name))
	})
	for i := range out {
		out[i].n = i
	}
	return out
}

// kept are the pods of a run that stand in its status.
func (m *memory) kept(run types.NamespacedName) []v1alpha1.StableSet {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.of[run]
	if known == nil {
		return nil
	}
	sets := map[string][]string{}
	for _, pod := range known.goneFirst() {
		if pod.n < maxKeptStablePods {
			sets[pod.set] = append(sets[pod.set], pod.name)
		}
	}
	var out []v1alpha1.StableSet
	for _, set := range slices.Sorted(maps.Keys(sets)) {
		slices.Sort(sets[set])
		out = append(out, v1alpha1.StableSet{Name: set, Pods: sets[set]})
	}
	return out
}
