package preset

// prometheusClient: what applications measure of themselves with a client
// library of Prometheus, under the names of its conventions and of the examples
// of promhttp: the counter http_requests_total with the status in the label
// code or another that a plan names, the histogram http_request_duration_seconds, classic or native. Series
// carry namespace and pod from the discovery of the scrape.
var prometheusClient = source{
	requests:  "http_requests_total",
	durations: "http_request_duration_seconds",
	native:    true,
	selectors: []string{"{{pods}}"},
	statuses:  []status{{"code", byAny}},
	named:     true,
}
