// Package gates asks the hooks of plans: gates that hold a run, and checks that go with it. What is to be
// asked, and what an answer means, package lifecycle decides.
//
// A hook is a URL that a tenant has written, so it is asked as little as can be: only hosts that an
// administrator allows, and the policies of the namespace, at addresses that package outbound does not
// refuse, nowhere that a server sends on to, with nothing of Holdfast's own (no credentials, no cookies, no
// proxy), and of an answer no more than its status and a few words are kept. Questions wait for their turn by
// namespace, beside the workers of the evaluator.
package gates
