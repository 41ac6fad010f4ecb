package route

// gatewayAPI is the dialect of HTTPRoute: BackendRef of
// gateway.networking.k8s.io/v1, with the bounds of its schema.
var gatewayAPI = Dialect{
	Rules: "rules", backends: "backendRefs", matching: &httpMatching, mirroring: &httpMirroring, grammar: backendRefs{},
	mostRules: 64, mostBackends: 16, mostWeight: 1_000_000, mostTogether: 16_000_000,
}

// grpcAPI is the dialect of GRPCRoute, whose backends are as those of HTTPRoute.
var grpcAPI = Dialect{
	Rules: "rules", backends: "backendRefs", matching: &grpcMatching, grammar: backendRefs{},
	mostRules: 64, mostBackends: 16, mostWeight: 1_000_000, mostTogether: 16_000_000,
}

// backendRefs are references to objects by group, kind, namespace and name.
type backendRefs struct{}

func (backendRefs) serviceOf(ref map[string]any, namespace string) (name, part string) {
	own, _ := ref["namespace"].(string)
	if textOr(ref, "group", "") != "" || textOr(ref, "kind", "Service") != "Service" || own != "" && own != namespace {
		return "", ""
	}
	return textOr(ref, "name", ""), ""
}

func (backendRefs) naming(ref map[string]any, name string) map[string]any {
	out := without(ref, "name")
	out["name"] = name
	return out
}

func (backendRefs) weigh(says any, _ int) int64 { return number(says, 1) }
