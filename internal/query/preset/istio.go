package preset

// istio: the standard metrics of a sidecar (istio.io/latest/docs/reference/config/metrics).
// Those with reporter="destination" are of the sidecar beside the application,
// so the labels namespace and pod of its scrape tell whose they are. A request
// of gRPC has HTTP status 200 also when it fails; those statuses of gRPC that
// are the server's fault count as failures. Waypoints of ambient mode report as
// "waypoint", without the pod, and are not asked.
var istio = source{
	requests:  "istio_requests_total",
	durations: "istio_request_duration_milliseconds",
	millis:    true,
	selectors: []string{`{{pods}}, reporter="destination"`},
	statuses:  []status{{"response_code", byEnvoy}, {"grpc_response_status", byGRPCNumber}},
}

// byEnvoy: a client that went away before it had an answer has status 0.
func byEnvoy(label, value string) RequestOutcome {
	if value == "0" {
		return Succeeded
	}
	return byHTTP(label, value)
}
