package preset

// traefik: the metrics of Traefik's services (addServicesLabels, which is on by
// default), for Ingress, IngressRoute and Gateway API. A service is named
// <namespace>-<Service>-<port>@<provider>, with the protocol behind the port in
// some versions; a scrape that sets a label service itself makes it exported_service.
var traefik = source{
	requests:  "traefik_service_requests_total",
	durations: "traefik_service_request_duration_seconds",
	selectors: []string{
		`service=~"{{namespace}}-{{service}}-[0-9a-z]+(-http|-grpc)?@kubernetes.*"`,
		`exported_service=~"{{namespace}}-{{service}}-[0-9a-z]+(-http|-grpc)?@kubernetes.*"`,
	},
	statuses: []status{{"code", byHTTP}},
	about:    behindService,
}
