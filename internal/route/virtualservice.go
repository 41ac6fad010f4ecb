package route

import (
	"math"
	"strings"
)

// virtualService is the dialect of Istio's VirtualService: HTTPRouteDestination of networking.istio.io. All
// of its versions have the same schema, which bounds a weight by its type alone; Istio adds up those of a
// rule in that type too, and Envoy takes none of a listener's routes where they are more than 32 bits.
//
// Of its lists of rules it is http: a share of the requests is asked for, and those of tcp and tls share out
// connections. A rule without destinations (redirect, directResponse, delegate) has no share to give; where
// its requests are copied to (mirror, mirrors) is no destination.
var virtualService = Dialect{
	Rules: "http", backends: "route", matching: &istioMatching, grammar: destinations{},
	mostRules: 256, mostBackends: most, mostWeight: math.MaxInt32, mostTogether: math.MaxInt32,
}

// destinations name a Service as a host.
type destinations struct{}

// clusterSet is the domain of what Services of all clusters of a set have in common. That of a canary is of
// one.
const clusterSet = "clusterset.local"

// ServiceOfHost is the Service of a namespace that Istio takes a host for in an object of that namespace, ""
// if none (model.ResolveShortnameToFQDN of Istio): one without a dot is a Service of the namespace, any other
// is taken as it is. So web.shop and web.shop.svc are hosts that no Service has. Which domain the cluster has
// only Istio knows; there is no other host of this form.
func ServiceOfHost(host, namespace string) string {
	name, domain, qualified := strings.Cut(host, ".")
	if !qualified {
		return name
	}
	domain, found := strings.CutPrefix(domain, namespace+".svc.")
	if !found || domain == "" || domain == clusterSet {
		return ""
	}
	return name
}

func (destinations) serviceOf(backend map[string]any, namespace string) (name, part string) {
	destination, _ := backend["destination"].(map[string]any)
	return ServiceOfHost(textOr(destination, "host", ""), namespace), textOr(destination, "subset", "")
}

// naming leaves out the subset: it is one of the production Service's DestinationRule, and Istio has none of
// that name for another host: it would answer such requests itself, with 503.
func (destinations) naming(backend map[string]any, name string) map[string]any {
	destination, _ := backend["destination"].(map[string]any)
	_, domain, qualified := strings.Cut(textOr(destination, "host", ""), ".")
	host := name
	if qualified {
		host += "." + domain
	}
	renamed := without(destination, "subset")
	renamed["host"] = host
	out := without(backend, "destination")
	out["destination"] = renamed
	return out
}

// weigh: a destination that is alone has all, whatever it says; among others one that says nothing has
// nothing.
func (destinations) weigh(says any, of int) int64 {
	if of == 1 {
		return 100
	}
	return number(says, 0)
}
