// Package evaluator tries held updates: for every held record it makes a
// CanaryRun (package deployments), and takes each run through its course to a
// release or a revert (package runs). It sets both up.
//
// A pass over a run has five steps: gather what is known, plan the next move
// (package lifecycle, which decides everything), apply its actions, write its
// status, tell by events, logs and metrics what was written.
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
//   - The ReplicaSets of a run are named after it and its attempt, so there is
//     never a second one of a kind. One made late, for a run that has ended, is deleted again, for ended
//     runs are looked after too.
//
// Where the number of runs with a canary is limited, the leader lets one run at
// a time take a place, by what the API server says and not its cache. An old
// leader with such a write under way could take one place too many; no more
// comes of that than one run too many at once.
package evaluator
