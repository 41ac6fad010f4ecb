// Package inline reads a plan out of the annotations of a Deployment, for those
// who want a canary and no new kind:
//
//	holdfast.dev/period: 10m
//	metric.holdfast.dev/error-rate: >
//	  sum(rate(http_requests_total{ {{canary}}, code=~"5.." }[1m])) in [0, 0.05]
//
// A metric is a query of package query, the word in, and the range that its
// value must lie in, ends included. An end that is left out, or written -inf or
// inf, is open: "[0, ]" is at least 0.
//
// A metric can also be an expectation of package query, whose query is made for
// the source that holdfast.dev/source names:
//
//	holdfast.dev/source: Istio
//	metric.holdfast.dev/latency: P99 < 310ms
//	metric.holdfast.dev/success: success >= 99%
//
// A hook is when it is asked, and its URL:
//
//	hook.holdfast.dev/ship: ConfirmPromotion http://gate.example.com/check
//
// The package is pure. A mistake is a field error on the annotation, with its
// place in the annotation's value.
package inline
