// Package traffic has routes give the canary of a run its share of the requests: it finds the routes
// that send requests to a Service of the Deployment, makes Services of the canary's own, and lays the
// overlay of package internal/route over the routes.
//
// All of it stays in the namespace of the run: no route and no Service of another is looked at.
package traffic
