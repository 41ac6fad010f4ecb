// Package shrink makes of a sequence that fails the smallest that fails in the same way. It is pure
// but for the question that it is given.
package shrink

import (
	"slices"

	"holdfast.dev/holdfast/test/oracle/sequence"
)

// Fails says whether a sequence still fails in the way that is looked for. An error ends the shrinking.
type Fails func(sequence.Sequence) (bool, error)

// Minimal drops commands, then words, as long as the sequence still fails, and asks at most so many
// times. What it returns has failed, also with an error or when it has run out of questions.
//
// It is delta debugging: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002.
func Minimal(s sequence.Sequence, questions int, fails Fails) (sequence.Sequence, error) {
	m := &minimizer{fails: fails, left: questions, best: sequence.Sequence{Why: s.Why, Commands: s.Commands}}
	for m.err == nil {
		before := m.left
		found := m.commands()
		found = m.keys() || found
		found = m.words() || found
		if !found || m.left == before {
			break
		}
	}
	return m.best, m.err
}

type minimizer struct {
	fails Fails
	left  int
	best  sequence.Sequence
	err   error
}

// try takes a candidate if it still fails.
func (m *minimizer) try(commands []sequence.Command) bool {
	candidate := sequence.Sequence{Why: m.best.Why, Commands: commands}
	if m.err != nil || m.left == 0 || !candidate.Creates() {
		return false
	}
	m.left--
	failed, err := m.fails(candidate)
	if err != nil {
		m.err = err
		return false
	}
	if failed {
		m.best = candidate
	}
	return failed
}

// commands drops commands in chunks that get smaller.
func (m *minimizer) commands() bool {
	found := false
	for size := len(m.best.Commands) / 2; size > 0; size /= 2 {
		for i := len(m.best.Commands) - size; i >= 0; i -= size {
			if i+size > len(m.best.Commands) {
				continue
			}
			if m.try(slices.Delete(slices.Clone(m.best.Commands), i, i+size)) {
				found = true
			}
		}
	}
	return found
}

// keys drops what a key says from all commands at once: a manifest says it again and again.
func (m *minimizer) keys() bool {
	found := false
	seen := map[string]bool{}
	for _, c := range m.best.Commands {
		for _, w := range c.Settings() {
			if seen[w.Key] {
				continue
			}
			seen[w.Key] = true
			found = m.try(without(m.best.Commands, func(_, _ int, other sequence.Word) bool { return other.Key == w.Key })) || found
		}
	}
	return found
}

// words drops one setting after the other, and where an undo goes. Behind a command that is dropped
// with its last word the places are others, so they are looked up anew.
func (m *minimizer) words() bool {
	found := false
	for i := len(m.best.Commands) - 1; i >= 0; i-- {
		for j := len(m.best.Commands[i].Words) - 1; j >= 0; j-- {
			if i >= len(m.best.Commands) || j >= len(m.best.Commands[i].Words) {
				break
			}
			if w := m.best.Commands[i].Words[j]; w.IsOption() && w.Key != sequence.To {
				continue
			}
			found = m.try(without(m.best.Commands, func(command, word int, _ sequence.Word) bool { return command == i && word == j })) || found
		}
	}
	return found
}

// without drops the words for which drop is true. A change that has none left is dropped with them.
func without(commands []sequence.Command, drop func(command, word int, w sequence.Word) bool) []sequence.Command {
	var out []sequence.Command
	for i, c := range commands {
		kept := sequence.Command{Verb: c.Verb}
		for j, w := range c.Words {
			if !drop(i, j, w) {
				kept.Words = append(kept.Words, w)
			}
		}
		if !c.Verb.Whole() && len(c.Words) > 0 && len(kept.Words) == 0 && c.Verb != sequence.Undo {
			continue
		}
		out = append(out, kept)
	}
	return out
}
