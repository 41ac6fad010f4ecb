// Package world makes up runs of a canary: what a Prometheus that scrapes every
// 15 s would hold of a canary, its baseline and the stable pods, over half an
// hour.
//
// A run follows from its seed alone. What is made up, and from what:
//
//   - One canary pod and one baseline pod, both fresh, get the same traffic on
//     average; the stable pods together get four times as much and are warm. The
//     latency of a fresh pod starts half as high again and settles within minutes.
//   - Requests arrive as a Poisson process. One in a hundred fails. Latencies are
//     lognormal with a median of 80 ms (sigma 0.6; the 99th percentile is 323 ms),
//     seen through the default buckets of Prometheus's client libraries.
//   - Every side is scraped at a moment of its own within the 15 s, so that what
//     begins suddenly is seen by one up to 10 s before the other.
//   - A regression multiplies the canary's share of errors, or its latencies, from
//     the beginning.
package world
