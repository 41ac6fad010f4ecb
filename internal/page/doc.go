// Package page serves the page of Holdfast: the canary runs of the namespaces that one may see, live, with
// buttons for those who may decide. Its files are in the binary, and it makes a browser ask nobody else.
//
// Whoever asks shows a bearer token with each request, which scripts of the page alone hold: there is no
// cookie, so no other site can have a browser ask in its user's name. What the token is worth a Door says: in
// the cluster it is one of the API server's, beside kubectl it is the secret of the address that kubectl
// holdfast dashboard prints. What a person reads of a run beside its card, and what they decide, is asked of
// the API server with their own credentials. See docs/adr/0047-the-page-acts-as-its-user.md.
package page
