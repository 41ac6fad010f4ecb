// Package promql asks Prometheus servers, or what speaks their HTTP API, for
// the values of queries.
//
// A server is not trusted with more than an answer: what it sends is read up to
// a limit (unpacked), redirects are not followed, no proxy of the environment is
// used, each query has a timeout, only so many are asked at once, nothing is
// asked twice for one measurement, and a server that does not answer is left
// alone for a while. What it warns of (partial data) stands beside its answer.
//
// Runs that ask the same at the same time share one request, and so do runs
// whose queries differ in the canary only (see share.go).
package promql
