// Package generate makes sequences of commands as people and their tools give them. It is pure: one
// seed, one sequence.
package generate

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Sequence makes the sequence of a seed.
//
// One tool, the owner, sends most of the manifests; others come in between. Values are mostly
// fresh: a value that the stable template has already ends sequences early, because clients do not
// send it.
func Sequence(seed uint64) sequence.Sequence {
	g := &generator{rand: rand.New(rand.NewPCG(seed, seed)), seed: seed}
	return g.sequence()
}

type generator struct {
	rand *rand.Rand
	seed uint64

	owner    sequence.Verb
	manager  string            // of the owner, if that applies server-side
	current  []sequence.Word   // the last whole manifest
	earlier  [][]sequence.Word // all of them
	fresh    int               // the last value that was made up
	releases int               // of Helm
	paused   bool
	stopped  bool // scaled to zero
	given    []sequence.Command
}

const (
	shortest = 4
	longest  = 8
)

var owners = []sequence.Verb{sequence.Apply, sequence.ServerApply, sequence.Helm3, sequence.Helm4, sequence.Create}

func (g *generator) sequence() sequence.Sequence {
	g.owner = pick(g, owners)
	g.manager = pick(g, []string{sequence.Owner, "deployer", "deployer"})
	g.current = []sequence.Word{{Key: "image", Value: g.value("v")}}
	for range g.rand.IntN(5) {
		g.addTo(&g.current, features)
	}
	g.give(g.whole(g.owner, g.current))
	for range shortest + g.rand.IntN(longest-shortest+1) - 1 {
		g.give(g.next())
	}
	return sequence.Sequence{Seed: g.seed, Commands: g.given}
}

// give appends a command and remembers what it does.
func (g *generator) give(c sequence.Command) {
	g.given = append(g.given, c)
	verb := c.Verb
	if verb == sequence.Recreate {
		g.paused = false
		verb = sequence.Verb(c.Option(sequence.With))
	}
	switch verb {
	case sequence.Helm3, sequence.Helm4:
		g.releases++
	case sequence.Pause:
		g.paused = true
	case sequence.Resume:
		g.paused = false
	}
	if to := c.Option(replicas[0].key); to != "" || c.Verb == sequence.Recreate {
		g.stopped = to == "0"
	}
	if verb.Whole() {
		g.current = c.Settings()
		g.earlier = append(g.earlier, g.current)
	}
}

// next makes a command by the weights of what can be done now.
func (g *generator) next() sequence.Command {
	total := 0
	for _, o := range others {
		total += o.weight(g)
	}
	n := g.rand.IntN(total)
	for _, o := range others {
		if n -= o.weight(g); n < 0 {
			return o.make(g)
		}
	}
	panic("unreachable: n is less than the sum of the weights")
}

// whole sends a manifest with a tool.
func (g *generator) whole(verb sequence.Verb, words []sequence.Word) sequence.Command {
	c := sequence.Command{Verb: verb, Words: slices.Clone(words)}
	if verb == sequence.ServerApply {
		c.Words = append([]sequence.Word{{Key: sequence.By, Value: g.manager}}, c.Words...)
	}
	return c
}

// changed is the current manifest with one to three changes; now and then it is one that was sent before.
func (g *generator) changed() []sequence.Word {
	if g.chance(25) {
		return pick(g, g.earlier)
	}
	words := slices.Clone(g.current)
	for range 1 + g.rand.IntN(3) {
		switch n := g.rand.IntN(10); {
		case n < 4:
			g.addTo(&words, features)
		case n < 6 && len(words) > 1: // the image, which comes first, stays
			i := 1 + g.rand.IntN(len(words)-1)
			words = slices.Delete(words, i, i+1)
		default:
			words[0].Value = g.value("v")
		}
	}
	return words
}

// addTo sets one of some features, in place of the value it may have.
func (g *generator) addTo(words *[]sequence.Word, from []feature) {
	w := g.set(pick(g, from))
	for i := range *words {
		if (*words)[i].Key == w.Key {
			(*words)[i] = w
			return
		}
	}
	*words = append(*words, w)
}

// some are one or two settings of some features; now and then one takes something off.
func (g *generator) some(from []feature) []sequence.Word {
	var words []sequence.Word
	for range 1 + g.rand.IntN(2) {
		if had := g.had(from); len(had) > 0 && g.chance(15) {
			w := sequence.Word{Key: pick(g, had), Drop: true}
			if !slices.ContainsFunc(words, func(other sequence.Word) bool { return other.Key == w.Key }) {
				words = append(words, w)
			}
			continue
		}
		g.addTo(&words, from)
	}
	return words
}

// had are the keys among some features that the current manifest has, but for the image, which
// nothing can be without.
func (g *generator) had(from []feature) []string {
	var keys []string
	for _, w := range g.current {
		if w.Key != "image" && slices.ContainsFunc(from, func(f feature) bool { return f.key == w.Key }) {
			keys = append(keys, w.Key)
		}
	}
	return keys
}

func (g *generator) set(f feature) sequence.Word {
	if len(f.values) > 0 {
		return sequence.Word{Key: f.key, Value: pick(g, f.values)}
	}
	return sequence.Word{Key: f.key, Value: g.value(f.prefix)}
}

// value was never used before in this sequence.
func (g *generator) value(prefix string) string {
	g.fresh++
	return prefix + strconv.Itoa(g.fresh)
}

func (g *generator) chance(percent int) bool { return g.rand.IntN(100) < percent }

func pick[T any](g *generator, from []T) T { return from[g.rand.IntN(len(from))] }
