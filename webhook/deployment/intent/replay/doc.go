// Package replay does to a held template what the API server did to the stable
// one. It is pure.
//
// While an update is held, the API server merges server-side applies onto the
// stable template and works out who owns which field of that. Package replay
// makes the same write again, on the held template and its owners, with the
// library that the API server itself uses (structured-merge-diff) and the schema
// of Kubernetes's own pod templates. So nothing is guessed: the result is what
// the API server would have made of the object if nothing were held.
package replay
