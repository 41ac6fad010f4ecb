package preset

// nginxIngress: the metrics of ingress-nginx, which name the Service that a
// request was for, and no pod of it. The labels namespace and service are the
// Ingress's; where the scrape has set labels of these names itself, Prometheus
// has put exported_ before them (honorLabels off), each by itself.
var nginxIngress = source{
	requests:  "nginx_ingress_controller_requests",
	durations: "nginx_ingress_controller_request_duration_seconds",
	selectors: []string{
		`namespace="{{namespace}}", service="{{service}}"`,
		`exported_namespace="{{namespace}}", service="{{service}}"`,
		`exported_namespace="{{namespace}}", exported_service="{{service}}"`,
	},
	statuses: []status{{"status", byHTTP}},
	about:    behindService,
}

// behindService is what a proxy in front of a Service measures.
const behindService = "all pods behind the Service together, stable ones and canary"
