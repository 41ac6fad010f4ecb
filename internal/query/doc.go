// Package query knows the queries of a plan: PromQL with placeholders such as
// {{canary}}, which stand for what is only known when a run measures. It parses
// them, says where a mistake stands in the text that the user wrote, and
// renders them.
//
// The package is pure; it sends no query anywhere.
package query
