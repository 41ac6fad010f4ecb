// Package endpoint knows the file in which an administrator defines the
// Prometheus servers that plans may be judged by. Plans name one and never
// give a URL: which servers Holdfast talks to, with whose credentials, is not
// for tenants to say.
//
// The package is pure; it opens no file that an endpoint names and asks no
// server. A mistake is a field error, and all of a file's are found at once.
package endpoint
