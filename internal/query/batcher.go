package query

import (
	"strings"
	"sync"

	"holdfast.dev/holdfast/internal/labelname"
)

// knownBatches is how much a Batcher remembers, in bytes of text. Tenants choose the queries.
const knownBatches = 1 << 20

// Batcher takes queries apart as BatchOf does. Those of one shape, which the runs of a plan ask
// round by round, it reads once: of the others it looks only whether they are the same but for the
// canary. It is safe for use by several goroutines.
type Batcher struct {
	podLabel string

	mu sync.Mutex
	// known are what queries were taken apart into, by their text with anyCanary for the pattern.
	known map[string]Batch
	size  int
}

// NewBatcher returns one for queries that know pods by a label.
func NewBatcher(podLabel string) *Batcher {
	return &Batcher{podLabel: podLabel, known: map[string]Batch{}}
}

// Batch is BatchOf.
func (r *Batcher) Batch(rendered string) (Batch, bool) {
	pods := r.patternIn(rendered)
	prefix := PrefixOf(pods)
	if prefix == "" || isLong(rendered) || isReserved(rendered) {
		return BatchOf(rendered, r.podLabel)
	}
	text := strings.ReplaceAll(rendered, `"`+pods+`"`, `"`+anyCanary+`"`)
	if b, ok := r.find(text); ok {
		b.Pods, b.Prefix = pods, prefix
		return b, true
	}
	b, ok := BatchOf(rendered, r.podLabel)
	if ok && b.inPlace && b.Pods == pods {
		r.keep(text, b)
	}
	return b, ok
}

// patternIn is what stands where the first pattern of pods is as Render writes it.
func (r *Batcher) patternIn(rendered string) string {
	_, after, _ := strings.Cut(rendered, labelname.Quoted(r.podLabel)+`=~"`)
	pattern, _, _ := strings.Cut(after, `"`)
	return pattern
}

func (r *Batcher) find(text string) (Batch, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.known[text]
	return b, ok
}

// keep remembers one more. Where that is too much it begins anew: what is still asked comes back.
func (r *Batcher) keep(text string, b Batch) {
	b.Pods, b.Prefix = "", ""
	size := len(text) + len(b.Shape) + len(b.Group) + len(b.joined)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size += size; r.size > knownBatches {
		clear(r.known)
		r.size = size
	}
	r.known[text] = b
}
