// Package probes reads the probes of the pods of runs (package internal/probe) and answers
// queries about what they say, where no Prometheus does. The evaluator takes samples as
// Prometheus would, keeps those that the metrics of a run may look back at, and has
// Prometheus's own engine evaluate over them: resets, pods that come and go and scrapes that are
// lost are dealt with as there (docs/adr/0044-probes-are-read-by-the-evaluator.md).
//
// What stands in a pod belongs to a tenant, who may serve anything at the probe's port. So
// an answer is bounded in size and time, taken for numbers of the known names and nothing
// else, and said to be of the pod at whose address it was found, whatever it says itself.
package probes
