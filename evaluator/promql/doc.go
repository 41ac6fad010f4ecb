// Package promql asks one Prometheus for the values of queries.
//
// A server is not trusted with more than an answer: responses are read up to a
// limit, redirects are not followed, no proxy of the environment is used, each
// query has a timeout, and only so many are asked at once.
package promql
