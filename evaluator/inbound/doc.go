// Package inbound takes alerts that Alertmanager sends, on a listener of its own, in every replica: at
// /alerts those that fail the canaries they are about, at /kill those whose pods are to be replaced.
//
// What comes is believed as far as who sent it is known: by a bearer token, or by a client certificate.
// Alertmanager sends a group again that was answered by 5xx, and only that. So whoever is busy, or could not
// write what it found, says 503, and who will not take a group whatever happens says 4xx. See
// docs/adr/0046-alerts-are-judged-where-they-fire.md.
package inbound
