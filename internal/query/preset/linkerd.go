package preset

// linkerd: the metrics of the proxy beside the application
// (linkerd.io/2/reference/proxy-metrics), which classifies responses itself,
// gRPC's too. Inbound ones are the application's. The kubelet's probes and the
// proxy's own port are no requests of users. Latency is the time to the first byte.
var linkerd = source{
	requests:  "response_total",
	durations: "response_latency_ms",
	millis:    true,
	selectors: []string{`{{pods}}, direction="inbound", route_name!="probe", target_port!="4191"`},
	statuses:  []status{{"classification", words([]string{"success"}, []string{"failure"})}},
}
