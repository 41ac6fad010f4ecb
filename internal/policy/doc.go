// Package policy knows what CanaryPolicies come to: which of them select a
// namespace, what they demand together, and what that makes of a plan.
//
// Of each demand the strictest counts, and it keeps the name of the policy that
// makes it, so that people can be told. One more policy never makes anything laxer,
// and in which order policies come is no matter.
//
// The package is pure.
package policy
