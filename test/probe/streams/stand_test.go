// Package streams has real clients and servers of gRPC and WebSocket talk through the probe.
package streams

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"holdfast.dev/holdfast/cmd/holdfast/probe/meter"
	"holdfast.dev/holdfast/cmd/holdfast/probe/relay"
	"holdfast.dev/holdfast/internal/probe"
)

// through begins a probe in front of what listens at l, and returns its address, and what it counts.
func through(t *testing.T, l net.Listener) (address string, registry *prometheus.Registry) {
	t.Helper()
	own, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	registry = prometheus.NewRegistry()
	port := probe.Port{Name: "grpc", Listen: int32(own.Addr().(*net.TCPAddr).Port), Target: int32(l.Addr().(*net.TCPAddr).Port), Protocol: probe.Auto}
	r := relay.New(port, meter.NewMetrics(registry).Port(port.Name), logr.Discard())
	go r.Serve(t.Context(), own) //nolint:errcheck // closed below
	t.Cleanup(func() {
		own.Close()
		r.Stop()
	})
	return own.Addr().String(), registry
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// counts wants that requests are counted so, soon: "NUMBER CODE STATUS", sorted.
func counts(t *testing.T, registry *prometheus.Registry, want string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		got := counted(t, registry)
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("counted %q, want %q", got, want)
		}
	}
}

func counted(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() != probe.RequestsTotal || m.GetCounter().GetValue() == 0 {
				continue
			}
			text := fmt.Sprint(m.GetCounter().GetValue())
			for _, l := range m.GetLabel() {
				if l.GetName() != probe.PortLabel {
					text += " " + l.GetValue()
				}
			}
			found = append(found, strings.TrimSpace(text))
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", ")
}
