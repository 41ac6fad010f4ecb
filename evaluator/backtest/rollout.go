package backtest

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/evaluator/analysis"
	"holdfast.dev/holdfast/internal/query"
)

// RecordedPod is what was recorded of a pod.
type RecordedPod struct {
	Name, ReplicaSet string
	// First and Last are when it was first and last seen.
	First, Last time.Time
	// Ready is when it was first Ready; zero if that was not recorded, and then
	// it counts as Ready from the first. NeverReady says that it was recorded, and never was.
	Ready      time.Time
	NeverReady bool
	// Restarts are the restarts of its containers over time, nil if not recorded.
	Restarts []analysis.Sample
}

// Rollout is a rollout of the past.
type Rollout struct {
	// At is when the first of its pods was seen.
	At time.Time
	// ReplicaSet is the one that was rolled out, Stable are those that had pods then.
	ReplicaSet string
	Stable     []string
	// Pods are those of ReplicaSet that came with the rollout or after it, in
	// order of their coming; Before is how many pods the others had.
	Pods   []RecordedPod
	Before int
}

// Names are the names of its pods, as regular expressions.
func (r Rollout) Names() []string {
	var out []string
	for _, p := range r.Pods {
		out = append(out, regexp.QuoteMeta(p.Name))
	}
	return out
}

// reach is how far queries are taken to look back from a rollout.
const reach = 2 * time.Hour

// Names are by ReplicaSet of a rollout, the one that was rolled out and those before it, the
// names of the pods that were seen from reach before it up to a time.
func Names(pods []RecordedPod, r Rollout, until time.Time) map[string][]string {
	out := map[string][]string{r.ReplicaSet: nil}
	for _, set := range r.Stable {
		out[set] = nil
	}
	for _, p := range pods {
		_, is := out[p.ReplicaSet]
		if is && query.IsNamedAsPodOf(p.ReplicaSet, p.Name) && !p.First.After(until) && !p.Last.Before(r.At.Add(-reach)) {
			out[p.ReplicaSet] = append(out[p.ReplicaSet], p.Name)
		}
	}
	return out
}

// Gap is how long nothing must be seen of a ReplicaSet for its next pod to be
// another rollout: one back to it.
const Gap = 5 * time.Minute

// ReplicaSetOf is the name of the ReplicaSet of a pod, as it is told by the pod's own.
func ReplicaSetOf(pod string) string {
	if i := strings.LastIndexByte(pod, '-'); i > 0 {
		return pod[:i]
	}
	return pod
}

// Find finds the rollouts that began in a time, both ends included: the first
// pod of a ReplicaSet is seen, or the first after a Gap, while another has pods.
// What had no pods before it is no rollout: there was nothing to compare it with
// and nothing to protect.
func Find(pods []RecordedPod, from, to time.Time) []Rollout {
	pods = slices.SortedFunc(slices.Values(pods), func(a, b RecordedPod) int {
		return cmp.Or(a.First.Compare(b.First), strings.Compare(a.Name, b.Name))
	})
	var out []Rollout
	last := map[string]time.Time{}
	for i, pod := range pods {
		before, seen := last[pod.ReplicaSet]
		if !seen || before.Add(Gap).Before(pod.First) {
			r := begin(pods, i)
			if len(r.Stable) > 0 && !r.At.Before(from) && !r.At.After(to) {
				out = append(out, r)
			}
		}
		if pod.Last.After(before) {
			last[pod.ReplicaSet] = pod.Last
		}
	}
	return out
}

// begin makes the rollout that begins with a pod.
func begin(pods []RecordedPod, i int) Rollout {
	r := Rollout{At: pods[i].First, ReplicaSet: pods[i].ReplicaSet}
	end := r.At
	for _, p := range pods[i:] {
		if p.ReplicaSet != r.ReplicaSet {
			continue
		}
		if p.First.After(end.Add(Gap)) {
			break // the next rollout of the same
		}
		r.Pods = append(r.Pods, p)
		if p.Last.After(end) {
			end = p.Last
		}
	}
	for _, p := range pods {
		if p.ReplicaSet == r.ReplicaSet || !p.First.Before(r.At) || p.Last.Before(r.At.Add(-absent)) {
			continue
		}
		r.Before++
		if !slices.Contains(r.Stable, p.ReplicaSet) {
			r.Stable = append(r.Stable, p.ReplicaSet)
		}
	}
	slices.Sort(r.Stable)
	return r
}

// absent is how long a pod that is there may go unseen: two scrapes at the most
// usual interval, and what rounding to steps takes.
const absent = 90 * time.Second

// Near picks the rollouts that began nearest to the times that are given, and a
// rollout without pods for a time that has none near it.
func Near(found []Rollout, times []time.Time) []Rollout {
	var out []Rollout
	for _, at := range times {
		best := Rollout{At: at}
		nearest := near + 1
		for _, r := range found {
			if d := r.At.Sub(at).Abs(); d < nearest {
				best, nearest = r, d
			}
		}
		if !slices.ContainsFunc(out, func(r Rollout) bool { return r.At.Equal(best.At) && r.ReplicaSet == best.ReplicaSet }) {
			out = append(out, best)
		}
	}
	return out
}

// near is how far a rollout may lie from the time at which it is said to have been.
const near = 15 * time.Minute
