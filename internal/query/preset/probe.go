package preset

import "holdfast.dev/holdfast/internal/probe"

// ofProbe: the metrics of the sidecar that Holdfast puts into pods (package probe), by
// the names of its pods as whoever scrapes it knows them. A request of gRPC has HTTP
// status 200 also when it fails. Requests whose port is passed through as connections
// are none here.
var ofProbe = source{
	requests:  probe.RequestsTotal,
	durations: probe.RequestDuration,
	native:    true,
	selectors: []string{"{{pods}}"},
	statuses:  []status{{probe.CodeLabel, byProbe}, {probe.GRPCStatusLabel, byGRPCName}},
}

// byProbe: "other" is a request whose client went away before it had an answer, as 0 is
// with Envoy. One that the application broke off has status 502.
func byProbe(label, value string) RequestOutcome {
	if value == "other" {
		return Succeeded
	}
	return byHTTP(label, value)
}
