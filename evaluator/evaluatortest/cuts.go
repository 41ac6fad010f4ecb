package evaluatortest

import (
	"iter"
	"testing"
)

// Cuts are the writes at which a course of so many is to be cut off, counted from 1: each one, or with -short
// every fifth, for the race detector makes a course take four times as long and finds in one what it finds in
// the next.
func Cuts(writes int) iter.Seq[int] {
	step := 1
	if testing.Short() {
		step = 5
	}
	return func(yield func(int) bool) {
		for at := 1; at <= writes && yield(at); at += step {
		}
	}
}
