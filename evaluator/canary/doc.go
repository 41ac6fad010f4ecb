// Package canary builds the objects of a run: the ReplicaSets whose pods are the
// canary and its baseline; and it tells their pods from those that others made or
// changed. It is pure; what it returns is ready to be created.
//
// Objects are built as raw JSON from the held template, so that fields newer
// than this program's own types reach the canary too.
package canary
