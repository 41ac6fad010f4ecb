// Package evaluator tries held updates: for every held record it makes a
// CanaryRun, and takes each run through its course to a release or a revert.
//
// A pass over a run has five steps: gather what is known, plan the next step
// (package plan, which decides everything), apply its actions, record its
// status, emit events, logs and metrics about what was recorded.
//
// # Restarts and lost leaders
//
// One replica evaluates at a time, and all that it knows stands in the API, so
// another can take over between any two writes. The old one may still have a
// write under way when it loses its lease. That does no harm:
//
//   - A verdict is in the run's status before anything is done about it, and
//     every status is written with the resourceVersion it was planned from. Of two
//     evaluators one loses with a conflict; no measurement counts twice.
//   - A release and a revert carry the resourceVersion of the Deployment they
//     were planned from, and the ID of the hold. The webhook compares the ID with
//     the record on the object: a release of a hold that has ended does nothing.
//   - The canary ReplicaSet has the name of its run, so there is never a second
//     one. One made late, for a run that has ended, is deleted again, for ended
//     runs are looked after too.
package evaluator
