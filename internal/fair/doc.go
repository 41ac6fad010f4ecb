// Package fair shares what is scarce among namespaces: queries that a Prometheus takes at once,
// requests that the webhook answers at once, memory for what has come of them. Whoever wants
// much of it waits behind himself.
package fair
