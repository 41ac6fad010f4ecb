// Package gitops drives the engines of Flux and Argo CD, as their own modules
// have them, against the test cluster with Holdfast installed. It is a Go module
// of its own because the engines are heavy and want versions of their own.
//
// An Engine compares what Git says with the cluster and applies it, once a
// Round, the way its controller does at each interval: Flux's in package flux,
// Argo CD's in package argocd. The scenarios are this package's tests.
package gitops
