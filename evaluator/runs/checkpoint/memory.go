// Package checkpoint remembers what runs have come to beyond their statuses, which are written within a
// budget (docs/adr/0034-the-status-is-a-checkpoint.md).
package checkpoint

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/evaluator/lifecycle"
)

// cacheIsBehind is for how long a cache is waited for that has not seen what was written. Then it is
// believed: the versions of an API server that was restored from a backup begin anew.
const cacheIsBehind = 10 * time.Second

// Memory is what the evaluator knows of runs beyond their statuses, in the term in which it leads. Its zero
// value knows nothing and writes every round. It is safe for use by several goroutines.
type Memory struct {
	// Budget is how many statuses are written a second in which nothing is new but good rounds.
	Budget lifecycle.WriteBudget

	mu sync.Mutex
	of map[types.NamespacedName]*known
	// measured is how many of them are measured.
	measured int
}

// known is what is known of a run, as long as its status is the one that it was built on: what others write
// there wins.
type known struct {
	uid types.UID
	// since is when it was looked at first: rounds before are made up for, and those after are counted as they
	// come due.
	since time.Time
	// version and status tell the status by.
	version string
	status  statusDigest
	// wrote is when the version was written; zero if others did.
	wrote time.Time
	// isMeasured says whether the status is one of a run that is measured.
	isMeasured bool
	// now is what the run has come to, nil where that is what its status says.
	now *v1alpha1.CanaryRunStatus
}

type statusDigest [sha256.Size]byte

func digestOf(status *v1alpha1.CanaryRunStatus) statusDigest {
	data, err := json.Marshal(status)
	if err != nil {
		panic(err) // a status is plain data
	}
	return sha256.Sum256(data)
}

// Recalled is a run as it is known.
type Recalled struct {
	// Run is the run with the status that it has come to. It shares the rest with the one that is stored.
	Run *v1alpha1.CanaryRun
	// Since is when this evaluator began to count the rounds of the run from its status.
	Since time.Time
	// Ours says that this evaluator wrote the run as it is stored, in this term. So nobody else has taken it on
	// since.
	Ours bool
	// Behind says that the run is not yet as it was written last.
	Behind bool
}

// Recall adds to a run, as the cache has it, what is known of it beyond its status.
func (m *Memory) Recall(stored *v1alpha1.CanaryRun, now time.Time) Recalled {
	m.mu.Lock()
	defer m.mu.Unlock()
	if stored.Status.Phase.Ended() {
		m.drop(client.ObjectKeyFromObject(stored))
		return Recalled{Run: stored}
	}
	k := m.of[client.ObjectKeyFromObject(stored)]
	if k != nil && k.uid == stored.UID && k.version != stored.ResourceVersion {
		if isOlder(stored.ResourceVersion, k.version) && now.Before(k.wrote.Add(cacheIsBehind)) {
			return Recalled{Run: stored, Behind: true}
		}
		if digestOf(&stored.Status) == k.status { // something else of the run has changed
			k.version, k.wrote = stored.ResourceVersion, time.Time{}
		}
	}
	if k == nil || k.uid != stored.UID || k.version != stored.ResourceVersion {
		k = m.set(stored)
	}
	if k.since.IsZero() {
		k.since = now
	}
	out := Recalled{Run: stored, Since: k.since, Ours: !k.wrote.IsZero()}
	if k.now != nil {
		run := *stored
		run.Status = *k.now.DeepCopy()
		out.Run = &run
	}
	return out
}

// set has all that is known of a run be what its status says.
func (m *Memory) set(run *v1alpha1.CanaryRun) *known {
	if m.of == nil {
		m.of = map[types.NamespacedName]*known{}
	}
	m.drop(client.ObjectKeyFromObject(run))
	k := &known{uid: run.UID, version: run.ResourceVersion, status: digestOf(&run.Status), isMeasured: run.Status.AsOf != nil}
	m.of[client.ObjectKeyFromObject(run)] = k
	if k.isMeasured {
		m.measured++
	}
	return k
}

func (m *Memory) drop(run types.NamespacedName) {
	if k := m.of[run]; k != nil && k.isMeasured {
		m.measured--
	}
	delete(m.of, run)
}

// isOlder says whether a version of an object comes before another. What is no version of Kubernetes is not
// older.
func isOlder(version, other string) bool {
	order, err := resourceversion.CompareResourceVersion(version, other)
	return err == nil && order < 0
}

// MayWait says whether what a run has come to need not be written yet.
func (m *Memory) MayWait(before, after v1alpha1.CanaryRunStatus, now time.Time) bool {
	m.mu.Lock()
	every := m.Budget.Every(m.measured)
	m.mu.Unlock()
	return lifecycle.MayWait(before, after, every, now)
}

// Keep remembers what a run has come to, which is not written.
func (m *Memory) Keep(stored *v1alpha1.CanaryRun, status v1alpha1.CanaryRunStatus) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.of[client.ObjectKeyFromObject(stored)]; k != nil && k.uid == stored.UID {
		k.now = &status
	}
}

// Lacks says whether the status that is stored lacks something of what is known of a run.
func (m *Memory) Lacks(stored *v1alpha1.CanaryRun) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.of[client.ObjectKeyFromObject(stored)]
	return k != nil && k.uid == stored.UID && k.now != nil
}

// Wrote notes that the status of a run was written, by the answer of the API server.
func (m *Memory) Wrote(answer *v1alpha1.CanaryRun, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if answer.Status.Phase.Ended() {
		m.drop(client.ObjectKeyFromObject(answer))
		return
	}
	var since time.Time
	if k := m.of[client.ObjectKeyFromObject(answer)]; k != nil && k.uid == answer.UID {
		since = k.since
	}
	k := m.set(answer)
	k.since, k.wrote = since, now
}

// Made notes that a run was made, by the answer of the API server: it is counted from then on.
func (m *Memory) Made(answer *v1alpha1.CanaryRun, now time.Time) {
	m.Wrote(answer, now)
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.of[client.ObjectKeyFromObject(answer)]; k != nil && k.uid == answer.UID {
		k.since = now
	}
}

// Forget forgets a run that is over.
func (m *Memory) Forget(run types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(run)
}

// BeginTerm forgets what was known in the last term.
func (m *Memory) BeginTerm() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of, m.measured = nil, 0
}

// Age is how long ago the oldest of those statuses was written that lack rounds; 0 if none lacks any.
func (m *Memory) Age(now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	var oldest time.Duration
	for _, k := range m.of {
		if k.now != nil && k.now.AsOf != nil {
			oldest = max(oldest, now.Sub(k.now.AsOf.Time))
		}
	}
	return oldest
}
