// Package preset has the built-in queries: the share of requests that succeed
// and how long they take, for each source that measures requests.
//
// Each source is a file with the names of its metrics and labels. The queries
// are templates of package query. What they have in common:
//
//   - Requests are counted by the labels that say how they ended, and Question.Outcome
//     reads those. What has no such label, or a value that is not known, is neither a
//     success nor a failure. A query for failures alone would find none there.
//   - Without requests nothing is counted. That is no data: neither a
//     success nor, as NaN would be, a failure.
//   - The first failure of a kind counts, though the series that counts it begins
//     with it (see source.counted).
//   - Durations are in seconds. A quantile beyond the last finite bucket of a
//     histogram is infinite, and not the end of that bucket.
//
// The package is pure.
package preset
