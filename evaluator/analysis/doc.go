// Package analysis judges a canary: what is measured, when, what a value is
// worth, and what many measurements come to.
//
// A failed measurement is a value out of its range. An error while measuring
// and a query that finds nothing are neither failures nor successes: each has a
// limit of its own, past which the analysis is inconclusive, and an update is
// never released on them.
//
// The package is pure. All that it remembers stands in the run's status.
package analysis
