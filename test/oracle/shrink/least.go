package shrink

import "holdfast.dev/holdfast/test/oracle/sequence"

// Least is the course of the least sequence that is found with so many questions to fail as one did; that
// one's if it fails no more.
func Least[Course any](course Course, of sequence.Sequence, questions int, play func(sequence.Sequence) (Course, error), same func(Course) bool) (Course, error) {
	least := course
	_, err := Minimal(of, questions, func(s sequence.Sequence) (bool, error) {
		again, err := play(s)
		fails := err == nil && same(again)
		if fails {
			least = again
		}
		return fails, err
	})
	return least, err
}
