package promql

import (
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"holdfast.dev/holdfast/internal/query"
)

// Limits of batches. What is forgotten too early costs a request.
const (
	maxBatch   = 32    // canaries in one request
	maxGroups  = 256   // groups of queries that are remembered
	maxMembers = 32768 // canaries that are, in all groups together
	maxShapes  = 8     // queries of one canary in one group and round
	maxLines   = 4     // lines of a group
	maxPods    = 384   // bytes of the pattern of a canary's pods; larger canaries are asked alone
	aloneFor   = 10 * time.Minute
	forgetAsks = 10 * time.Minute
)

// batches remembers which canaries ask which group of queries, in their last two
// rounds. It waits for nobody: the first run that asks for a time asks for all that
// asked together with it the last time, and the others find their answers there.
//
// Tenants choose the queries, so it keeps hashes of them. Two of one hash are
// taken for one when it is guessed who else asks, and nowhere else.
//
// It is pure, and not safe for use by several goroutines.
type batches struct {
	seed   maphash.Seed
	groups map[uint64]*queryGroup
	// members counts those of all groups.
	members int
}

type queryGroup struct {
	// members are its canaries, by the pattern of their pods.
	members map[string]*member
	// aloneUntil is set where asking together did not work.
	aloneUntil time.Time
	// lines are the newest, maxLines at most.
	lines map[lineKey]*line
}

// lineKey is what the canaries of a line have in common: who asked last for a time is likely to ask
// for another.
type lineKey struct {
	last  ask
	shape uint64
	at    time.Time
}

// line has the patterns of the pods that an ask may be joined with, in order, of those whom no ask has been
// joined with yet.
type line struct{ left []string }

// next takes the next one out of a line, "" if there is none.
func (l *line) next() string {
	if l == nil || len(l.left) == 0 {
		return ""
	}
	pods := l.left[0]
	l.left = l.left[1:]
	return pods
}

// member is what a canary asked of a group in two rounds, the newer one first.
type member [2]shapesAt

// shapesAt is the shapes that were asked for a time.
type shapesAt struct {
	at     time.Time
	shapes []uint64
}

// ask is a shape that a canary asked, and the last time that it asked for.
type ask struct {
	shape uint64
	at    time.Time
}

func newBatches() batches {
	return batches{seed: maphash.MakeSeed(), groups: map[uint64]*queryGroup{}}
}

// note remembers an ask and returns the one before it of the same canary, zero
// if that is not known: that of the same shape or, as windows grow with the
// canary, one of the newest round.
func (b *batches) note(one query.Batch, at time.Time) ask {
	if len(one.Pods) > maxPods {
		return ask{}
	}
	m, shape := b.member(one, at), maphash.String(b.seed, one.Shape)
	last := m.before(shape, at)
	m.add(shape, at)
	return last
}

// member finds a canary of a group, or makes it.
func (b *batches) member(one query.Batch, at time.Time) *member {
	of := maphash.String(b.seed, one.Group)
	if f := b.groups[of]; f != nil && f.members[one.Pods] != nil {
		return f.members[one.Pods]
	}
	b.tidy(of, at)
	if b.groups[of] == nil {
		b.groups[of] = &queryGroup{members: map[string]*member{}}
	}
	m := &member{}
	b.groups[of].members[strings.Clone(one.Pods)] = m // which is a part of the query
	b.members++
	return m
}

// before is the ask before one, zero if none is known that is not too old.
func (m *member) before(shape uint64, at time.Time) ask {
	for _, r := range m {
		if r.isBefore(at) && slices.Contains(r.shapes, shape) {
			return ask{shape, r.at}
		}
	}
	for _, r := range m {
		if r.isBefore(at) {
			return ask{slices.Min(r.shapes), r.at}
		}
	}
	return ask{}
}

func (r shapesAt) isBefore(at time.Time) bool {
	return len(r.shapes) > 0 && r.at.Before(at) && at.Sub(r.at) <= forgetAsks
}

// add remembers a shape for a time, unless that is before both rounds.
func (m *member) add(shape uint64, at time.Time) {
	if at.After(m[0].at) {
		m[0], m[1] = shapesAt{at: at}, m[0]
	}
	for i := range m {
		r := &m[i]
		if r.at.Equal(at) && len(r.shapes) < maxShapes && !slices.Contains(r.shapes, shape) {
			r.shapes = append(r.shapes, shape)
		}
	}
}

// asked is the last time that a shape was asked for.
func (m *member) asked(shape uint64) time.Time {
	for _, r := range m {
		if slices.Contains(r.shapes, shape) {
			return r.at
		}
	}
	return time.Time{}
}

// others returns the line of those that an ask may be joined with: of those canaries that asked the same
// for the same time the last time. Some may have been asked for by now. Each is in it once, whoever asks.
func (b *batches) others(one query.Batch, last ask, at time.Time) *line {
	g := b.groups[maphash.String(b.seed, one.Group)]
	if g == nil || last.at.IsZero() || at.Before(g.aloneUntil) {
		return nil
	}
	key := lineKey{last, maphash.String(b.seed, one.Shape), at}
	if g.lines[key] == nil {
		if len(g.lines) >= maxLines || g.lines == nil {
			g.lines = map[lineKey]*line{}
		}
		g.lines[key] = g.line(last)
	}
	return g.lines[key]
}

// line makes the line of all canaries that asked one thing.
func (g *queryGroup) line(last ask) *line {
	var found []string
	for pods, m := range g.members {
		if m.asked(last.shape).Equal(last.at) {
			found = append(found, pods)
		}
	}
	slices.Sort(found)
	var out []string
	taken := map[string]bool{} // pods come and go, and a canary has one pattern in a query
	for _, pods := range found {
		if prefix := query.PrefixOf(pods); !taken[prefix] {
			taken[prefix] = true
			out = append(out, pods)
		}
	}
	return &line{out}
}

// separate has a group asked alone for some time.
func (b *batches) separate(name string, at time.Time) {
	if f := b.groups[maphash.String(b.seed, name)]; f != nil {
		f.aloneUntil = at.Add(aloneFor)
	}
}

// tidy makes room for one more member of a group.
func (b *batches) tidy(of uint64, at time.Time) {
	full := func() bool {
		return b.members >= maxMembers || b.groups[of] == nil && len(b.groups) >= maxGroups
	}
	if full() {
		b.forget(at.Add(-2 * time.Minute))
	}
	if full() {
		clear(b.groups)
		b.members = 0
	}
}

// forget drops the canaries that asked for nothing since a time.
func (b *batches) forget(since time.Time) {
	for name, f := range b.groups {
		for pods, m := range f.members {
			if m[0].at.Before(since) {
				delete(f.members, pods)
				b.members--
			}
		}
		if len(f.members) == 0 {
			delete(b.groups, name)
		}
	}
}
