// Package outbound is how Holdfast asks servers that an administrator has named in a file:
// where they are, who Holdfast is there, whom it trusts, and at which addresses it
// never looks. Tenants name such a server at most by its name.
package outbound
