// Package plan finds the CanaryPlan that an update is tried by, and brings it
// within what policies demand. Below it, inline reads one out of annotations and
// window tells whether a freeze window is open.
//
// The package is pure: plans are read by who asks.
package plan
