// Package hold is the held record: the annotation in which a Deployment carries
// the pod template that was asked for and is on trial, sealed so that only what
// was admitted is ever run.
//
// The package is pure. It knows templates as raw JSON objects, never as typed
// structs, so that fields newer than its own client library survive it.
package hold
