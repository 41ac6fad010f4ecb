package preset

import (
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestOutcome(t *testing.T) {
	const succeeded, failed, untold = Succeeded, Failed, Untold
	for _, tc := range []struct {
		source v1alpha1.Source
		label  string // of the plan
		labels map[string]string
		want   RequestOutcome
	}{
		{"PrometheusClient", "", map[string]string{"code": "200"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "404"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "503"}, failed},
		{"PrometheusClient", "", map[string]string{"code": "2xx"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "5XX"}, failed},
		{"PrometheusClient", "", map[string]string{"code": "200 OK"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "503 Service Unavailable"}, failed},
		{"PrometheusClient", "", map[string]string{"code": "OK"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "NotFound"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "CANCELLED"}, succeeded},
		{"PrometheusClient", "", map[string]string{"code": "Unavailable"}, failed},
		{"PrometheusClient", "", map[string]string{"code": "DEADLINE_EXCEEDED"}, failed},
		{"PrometheusClient", "grpc_code", map[string]string{"grpc_code": "0", "code": "503"}, succeeded},
		{"PrometheusClient", "grpc_code", map[string]string{"grpc_code": "14"}, failed},
		{"PrometheusClient", "grpc_code", map[string]string{"grpc_code": "17"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "0"}, untold}, // of gRPC, or never set
		{"PrometheusClient", "", map[string]string{"code": "error"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "success"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "600"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "50"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "5000"}, untold},
		{"PrometheusClient", "", map[string]string{"code": "200OK"}, untold},
		{"PrometheusClient", "", map[string]string{"code": ""}, untold},
		{"PrometheusClient", "", map[string]string{"status": "200"}, untold},
		{"PrometheusClient", "status", map[string]string{"status": "500"}, failed},
		{"PrometheusClient", "status", map[string]string{"code": "500"}, untold},
		{"Istio", "", map[string]string{"response_code": "200"}, succeeded},
		{"Istio", "", map[string]string{"response_code": "0"}, succeeded},
		{"Istio", "", map[string]string{"response_code": "502"}, failed},
		{"Istio", "", map[string]string{"response_code": "200", "grpc_response_status": "14"}, failed},
		{"Istio", "", map[string]string{"response_code": "200", "grpc_response_status": "5"}, succeeded},
		{"Istio", "", map[string]string{"response_code": "200", "grpc_response_status": "?"}, untold},
		{"Istio", "", map[string]string{"response_code": "?", "grpc_response_status": "14"}, failed},
		{"Istio", "", map[string]string{"grpc_response_status": "0"}, succeeded},
		{"Istio", "", map[string]string{"code": "500"}, untold},
		{"Linkerd", "", map[string]string{"classification": "success"}, succeeded},
		{"Linkerd", "", map[string]string{"classification": "failure"}, failed},
		{"Linkerd", "", map[string]string{"status_code": "500"}, untold},
		{"Probe", "", map[string]string{"code": "200"}, succeeded},
		{"Probe", "", map[string]string{"code": "404"}, succeeded},
		{"Probe", "", map[string]string{"code": "503"}, failed},
		{"Probe", "", map[string]string{"code": "other"}, succeeded},
		{"Probe", "", map[string]string{"code": "200", "grpc_status": "OK"}, succeeded},
		{"Probe", "", map[string]string{"code": "200", "grpc_status": "UNAVAILABLE"}, failed},
		{"Probe", "", map[string]string{"code": "200", "grpc_status": "NOT_FOUND"}, succeeded},
		{"Probe", "", map[string]string{"code": "200", "grpc_status": "?"}, untold},
		{"NGINXIngress", "", map[string]string{"status": "5xx"}, failed},
		{"NGINXIngress", "", map[string]string{"status": "-"}, untold},
		{"EnvoyGateway", "", map[string]string{"envoy_response_code_class": "2"}, succeeded},
		{"EnvoyGateway", "", map[string]string{"envoy_response_code_class": "5"}, failed},
		{"EnvoyGateway", "", map[string]string{"response_code_class": "5"}, untold},
		{"Traefik", "", map[string]string{"code": "500"}, failed},
		{"Traefik", "", map[string]string{"status": "500"}, untold},
	} {
		if got := (Question{Source: tc.source, StatusLabel: tc.label}).Outcome(tc.labels); got != tc.want {
			t.Errorf("%s %s of %v: got %d, want %d", tc.source, tc.label, tc.labels, got, tc.want)
		}
	}
}

// Every source says by which labels requests succeed or fail, or all would be Untold.
func TestEverySourceHasAStatus(t *testing.T) {
	for _, source := range Sources() {
		if len(Question{Source: source}.StatusLabels()) == 0 {
			t.Errorf("%s has none", source)
		}
	}
}

// FuzzOutcome: whatever values are, those that nobody knows are no success, and a
// status that begins a longer word is none.
func FuzzOutcome(f *testing.F) {
	for _, seed := range []string{"200", "5xx", "OK", "14", "\xff", "200 \n", "DEADLINE__EXCEEDED"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, source := range Sources() {
			r := Question{Source: source}
			label := r.StatusLabels()[0]
			if got := r.Outcome(map[string]string{label: value + "!"}); got == Succeeded && !httpStatus.MatchString(value+"!") {
				t.Errorf("%s: %q is a success", source, value+"!")
			}
		}
	})
}
