package page

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Board has all runs that are there, numbers their changes, and wakes the streams that follow them. It keeps
// the objects that it is given, which nobody changes.
type Board struct {
	mu       sync.Mutex
	boot     string
	sequence uint64
	runs     map[string]entry
	gone     []departure
	forgot   uint64 // departures up to this change are not remembered
	watchers map[*watcher]struct{}
}

type entry struct {
	run     *v1alpha1.CanaryRun
	changed uint64
}

type departure struct {
	key     string
	changed uint64
}

// mostDepartures is how many runs that are gone are remembered, for those who were not there when they went.
const mostDepartures = 1000

// NewBoard is a board without runs.
func NewBoard() *Board {
	var id [6]byte
	_, _ = rand.Read(id[:]) // never fails (crypto/rand)
	return &Board{boot: hex.EncodeToString(id[:]), runs: map[string]entry{}, watchers: map[*watcher]struct{}{}}
}

func keyOf(run *v1alpha1.CanaryRun) string { return run.Namespace + "/" + run.Name }

func namespaceOf(key string) string {
	namespace, _, _ := strings.Cut(key, "/")
	return namespace
}

// Put has a run on the board, or what has become of it.
func (b *Board) Put(run *v1alpha1.CanaryRun) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if known, has := b.runs[keyOf(run)]; has && known.run.UID == run.UID && known.run.ResourceVersion == run.ResourceVersion {
		return
	}
	b.sequence++
	b.runs[keyOf(run)] = entry{run, b.sequence}
	b.wake(keyOf(run))
}

// Remove takes a run off the board.
func (b *Board) Remove(namespace, name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := namespace + "/" + name
	if _, has := b.runs[key]; !has {
		return
	}
	delete(b.runs, key)
	b.sequence++
	b.gone = append(b.gone, departure{key, b.sequence})
	if over := len(b.gone) - mostDepartures; over > 0 {
		b.forgot = b.gone[over-1].changed
		b.gone = slices.Delete(b.gone, 0, over)
	}
	b.wake(key)
}

// Run is one of the board, nil if it is not there.
func (b *Board) Run(namespace, name string) *v1alpha1.CanaryRun {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.runs[namespace+"/"+name].run
}

// wake must be called with the lock.
func (b *Board) wake(key string) {
	for w := range b.watchers {
		w.changed[key] = true
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

// watcher is who follows the board. Of a run that changes many times before it looks, it sees the last: what
// is kept for it is at most a key for each run, however slow it is.
type watcher struct {
	board   *Board
	changed map[string]bool
	news    chan struct{}
}

// follow follows the board from what a mark says was seen; from nothing where the mark is of another board or
// too old, and then all that is there has changed.
func (b *Board) follow(mark string) (w *watcher, resumed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w = &watcher{board: b, changed: map[string]bool{}, news: make(chan struct{}, 1)}
	since, resumed := b.since(mark)
	for key, e := range b.runs {
		if e.changed > since {
			w.changed[key] = true
		}
	}
	for _, d := range b.gone {
		if resumed && d.changed > since {
			w.changed[d.key] = true
		}
	}
	w.news <- struct{}{}
	b.watchers[w] = struct{}{}
	return w, resumed
}

func (b *Board) since(mark string) (uint64, bool) {
	boot, number, _ := strings.Cut(mark, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	if boot != b.boot || err != nil || n > b.sequence || n < b.forgot {
		return 0, false
	}
	return n, true
}

func (w *watcher) stop() {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	delete(w.board.watchers, w)
}

// again has keys looked at once more.
func (w *watcher) again(keys []string) {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	for _, key := range keys {
		w.changed[key] = true
	}
}

// look takes what has changed: by key the runs as they are now, nil for those that are gone; and the mark
// from which to follow on.
func (w *watcher) look() (map[string]*v1alpha1.CanaryRun, string) {
	w.board.mu.Lock()
	defer w.board.mu.Unlock()
	out := make(map[string]*v1alpha1.CanaryRun, len(w.changed))
	for key := range w.changed {
		out[key] = w.board.runs[key].run
	}
	clear(w.changed)
	return out, fmt.Sprintf("%s-%d", w.board.boot, w.board.sequence)
}

// keys are those of all runs.
func (b *Board) keys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]string, 0, len(b.runs))
	for key := range b.runs {
		out = append(out, key)
	}
	return out
}
