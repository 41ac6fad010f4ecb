// Package evidence compares a canary with its baseline: fresh pods of the
// stable template, as many as the canary's, started together with it. It says
// whether the canary is worse, and how sure that is, while the data come in:
// the error probabilities it is given hold however often one looks, and
// whenever one stops.
//
// [CountTest] compares events that are counted, such as failed requests among
// requests. [ValueTest] compares values of windows of time, such as a quantile of
// latencies. [Split] shares the probability of a false alarm among the metrics
// of a run.
//
// The package is pure: what it must remember between measurements is a [Tally]
// (counts) or the windows themselves (values), and the same data in the same
// order give the same result after any number of restarts.
//
// What all of it assumes, and no test can check: that apart from the template
// the two sides are exchangeable. They were started together, get the same kind
// and mix of requests, and share the node pools, the time of day and the
// incidents. docs/judging-by-comparison.md tells more.
package evidence
