// Package backtest says what a plan would have decided about rollouts of the
// past, from what was recorded of them.
//
// A run of the past is planned by the same functions as a live one: Replay steps
// evaluator/lifecycle through the times at which a run would have been planned, and
// asks for the observations of the rounds that it wants. What no recording can
// tell is assumed, and every decision carries notes that say so:
//
//   - The canary did not exist. In its stead stand the first pods of the
//     ReplicaSet that was rolled out, as many as the plan asks for.
//   - In the stead of the baseline stand the pods of the ReplicaSets before.
//   - People decide nothing, and labels that they set were not recorded.
//
// The package is pure.
package backtest
