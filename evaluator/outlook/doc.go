// Package outlook says how far a run has come, and what comes next in it and when, for those who show runs to
// people: the plugin of kubectl and the page.
//
// It is pure.
package outlook
