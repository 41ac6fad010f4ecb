// Package measure observes the metrics of a run: it renders their queries, asks
// them at once, and adds what is known of the canary otherwise. It measures a
// Subject and finds out by a Lookup, so it serves runs and rollouts of the past
// alike.
//
// Rounds measures runs beside the workers of a controller, within a Budget of
// memory that namespaces share.
package measure
