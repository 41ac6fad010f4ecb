package preset

// envoyGateway: the metrics of Envoy as Envoy Gateway sets it up. It has a
// cluster for each rule of a route, named httproute/<namespace>/<route>/rule/<n>,
// and no metrics of the endpoints in it. The route is taken to be named like
// the Service.
var envoyGateway = source{
	requests:  "envoy_cluster_upstream_rq_xx",
	durations: "envoy_cluster_upstream_rq_time",
	millis:    true,
	selectors: []string{`envoy_cluster_name=~"(http|grpc)route/{{namespace}}/{{service}}/rule/.*"`},
	statuses:  []status{{"envoy_response_code_class", words([]string{"1", "2", "3", "4"}, []string{"5"})}},
	about:     "all pods behind the HTTPRoute or GRPCRoute that is named like the Service, stable ones and canary",
}
