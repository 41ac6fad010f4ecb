// Package inject puts the probe into a pod: the sidecar that measures the requests to its application.
//
// The probe takes over the names of the ports that it measures, so that Services whose targetPort is a name
// send their requests through it; no privileges are needed for that. Probes and hooks of the kubelet that go
// by such a name go by the number from then on, to the application as before.
//
// Where the plan has capture Redirect no name is taken: an init container redirects in the pod's network what
// comes for the ports, by whatever Service. What the kubelet asks goes to numbers of their own, from which it
// is redirected to the application, past the probe.
//
// What cannot be measured is left as it is, with a reason for people. A pod that has the sidecar is left as
// it is too, so that injecting twice is injecting once, whoever comes in between.
package inject
