// Package lifecycle decides what a run does next. Next takes all that is known of a
// run as plain values and returns the actions to take and the status to write;
// the evaluator gathers the one and applies the other.
//
// All state of a run is in the API: its status, the held record, the canary
// ReplicaSet. A step is planned from these alone, so an evaluator that is
// killed between any two writes goes on where it was. For that to hold:
//
//   - Actions come before the status that says they were taken, and every
//     action does nothing when it is taken a second time.
//   - A verdict is written to the status in a step that takes no action. Only a
//     later step, planned from the status as the API server stored it, acts on it.
//   - A release or a revert names the hold it is for. One of a hold that has
//     ended, sent late by an evaluator that lost its lead, does nothing.
//
// A planner is one call of Next. It has the snapshot, which stays as it is, and the course of the run: the
// terms on which it is tried, and the status that it has come to. What needs but one of these belongs to that
// alone.
//
// What people write into the spec of a run is read at every step (see person.go).
// A decision of theirs cannot be taken back, so it needs no copy in the status.
//
// # Tests
//
// testdata/trajectories has whole courses of runs, in time: what happens, behind
// "!" (the words are in script_test.go), and what is to come of it. Each is
// also played with the evaluator killed before each of its writes, and random
// ones are made of the same words; invariants_test.go is what must hold at every
// step of all of them. go test -run TestTrajectories -update writes the files
// anew; read the difference.
//
// The package is pure.
package lifecycle
