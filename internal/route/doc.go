// Package route lays the share of a canary over a route and takes it off again. It is
// pure.
//
// A route belongs to its user: what stands in Git is what is to stand in the cluster
// when no run has traffic. While one has, the route carries the overlay: beside every
// backend that is the production Service stands the Service of the canary, with a weight. What
// the user asked for is in a record on the route (see Record), so that the overlay can
// be laid anew on whatever a user writes meanwhile, and taken off exactly.
//
// Routes are raw JSON with whole numbers as int64: fields that are newer than the
// client library live. A field of another type than it should have counts as missing.
package route
