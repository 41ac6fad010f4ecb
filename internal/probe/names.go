// Package probe is what the webhook that puts the probe into pods, the program that
// runs there and the evaluator that reads it must agree on: names, ports and metrics.
//
// The probe is a sidecar in front of the ports of an application, which measures the
// requests that come through it.
package probe

// Container is the name of the sidecar in a pod.
const Container = "holdfast-probe"

// RedirectContainer is the name of the init container that redirects requests to it, where a plan asks for
// that.
const RedirectContainer = "holdfast-probe-redirect"

// Where the probe listens, in the pod.
const (
	// MetricsPort serves /metrics and /healthz.
	MetricsPort int32 = 15190
	// MetricsPortName is the name of that port, for those who scrape it.
	MetricsPortName = "holdfast-probe"
	// FirstPort takes the requests for the first port of the application that is
	// measured; the others follow it, one by one.
	FirstPort int32 = 15100
	// MaxPorts is how many ports of an application can be measured.
	MaxPorts = 8
)

// The names of its metrics. All have the label PortLabel, and no label has a value that a
// client chooses.
const (
	// RequestsTotal counts requests that came to their end, by CodeLabel and GRPCStatusLabel.
	RequestsTotal = "holdfast_probe_requests_total"
	// RequestDuration is a histogram, classic and native, of how long they took, in
	// seconds: from the last byte of the request's header to the last one of the answer.
	RequestDuration = "holdfast_probe_request_duration_seconds"
	// RequestsInFlight is how many are under way.
	RequestsInFlight = "holdfast_probe_requests_in_flight"
	// BytesTotal counts the bytes of bodies and of other connections, by DirectionLabel.
	BytesTotal = "holdfast_probe_bytes_total"
	// ConnectionsTotal counts connections that are not read as HTTP, by ResultLabel.
	ConnectionsTotal = "holdfast_probe_connections_total"
)

// The labels of its metrics.
const (
	// PortLabel is the application's port: its name, or its number where it has none.
	PortLabel = "port"
	// CodeLabel is the status of an answer, such as "200"; any that is no status of
	// HTTP is "other". Where the application gave no answer, or broke it off, it is "502"; where
	// the client left before there was one it is "other".
	CodeLabel = "code"
	// GRPCStatusLabel is the name of a gRPC status, such as "OK" or "UNAVAILABLE",
	// and "" where the request was none of gRPC.
	GRPCStatusLabel = "grpc_status"
	// DirectionLabel is "in" for what the client sent and "out" for what it got.
	DirectionLabel = "direction"
	// ResultLabel is how a connection ended: "closed", "reset" where the application did so, or
	// "refused" where it did not take it.
	ResultLabel = "result"
)
