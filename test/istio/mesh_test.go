package istio

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	xdsclient "google.golang.org/grpc/xds"
	"google.golang.org/protobuf/encoding/protojson"
	networking "istio.io/api/networking/v1alpha3"
	pilot "istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
)

// mesh is a control plane of Istio and the Services web, web-canary and legacy of the namespace shop, each a
// server that says its name.
type mesh struct {
	*testing.T
	plane  *pilot.FakeDiscoveryServer
	client healthpb.HealthClient
}

// named is a server that says its name with each answer.
type named struct {
	healthpb.UnimplementedHealthServer
	name string
}

func (n named) Check(ctx context.Context, _ *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	return &healthpb.HealthCheckResponse{}, grpc.SetHeader(ctx, metadata.Pairs("name", n.name))
}

// serve starts the server of a Service and returns it as an entry of the mesh.
func serve(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, named{name: name})
	go func() { _ = server.Serve(listener) }() // it ends with the test
	t.Cleanup(server.Stop)
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %[1]s, namespace: shop}
spec:
  hosts: [%[1]s.shop.svc.cluster.local]
  addresses: [10.0.0.%[2]d]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{name: grpc, number: 7070, protocol: GRPC}]
  endpoints: [{address: 127.0.0.1, ports: {grpc: %[3]d}}]
---`, name, len(name), listener.Addr().(*net.TCPAddr).Port)
}

// open makes a mesh in which a VirtualService with these rules is followed.
func open(t *testing.T, rules []any) mesh {
	t.Helper()
	entries := serve(t, "web") + serve(t, "web-canary") + serve(t, "legacy")
	m := mesh{T: t}
	m.plane = pilot.NewFakeDiscoveryServer(t, pilot.FakeOptions{
		ConfigString:    strings.TrimSuffix(entries, "---"),
		Configs:         []config.Config{virtualService(t, rules)},
		ListenerBuilder: func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") },
	})
	bootstrap, err := json.Marshal(map[string]any{
		"xds_servers": []any{map[string]any{
			"server_uri": m.plane.Listener.Addr().String(), "server_features": []string{"xds_v3"}, "channel_creds": []any{map[string]any{"type": "insecure"}},
		}},
		"node": map[string]any{
			"id": "sidecar~10.0.0.1~client.shop~shop.svc.cluster.local", "metadata": map[string]any{"GENERATOR": "grpc", "NAMESPACE": "shop", "CLUSTER_ID": "Kubernetes"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	resolver, err := xdsclient.NewXDSResolverWithConfigForTesting(bootstrap)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("xds:///web.shop.svc.cluster.local:7070", grpc.WithResolvers(resolver), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	m.client = healthpb.NewHealthClient(conn)
	return m
}

// virtualService is the VirtualService web with these rules, as Istio's control plane has it.
func virtualService(t *testing.T, rules []any) config.Config {
	t.Helper()
	text, err := json.Marshal(map[string]any{"hosts": []string{"web"}, "http": rules})
	if err != nil {
		t.Fatal(err)
	}
	spec := &networking.VirtualService{}
	if err := protojson.Unmarshal(text, spec); err != nil {
		t.Fatalf("Istio does not read %s: %v", text, err)
	}
	return config.Config{Meta: config.Meta{GroupVersionKind: gvk.VirtualService, Name: "web", Namespace: "shop", Domain: "cluster.local"}, Spec: spec}
}

// follow has the mesh go by other rules.
func (m mesh) follow(rules []any) {
	m.Helper()
	if _, err := m.plane.Store().Update(virtualService(m.T, rules)); err != nil {
		m.Fatal(err)
	}
}

// patience is how long anything may take that is waited for.
const patience = 2 * time.Minute

// call makes a call with headers and returns who has answered.
func (m mesh) call(headers ...string) string {
	m.Helper()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(m.Context(), headers...), patience)
	defer cancel()
	var said metadata.MD
	if _, err := m.client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Header(&said), grpc.WaitForReady(true)); err != nil {
		m.Fatal(err)
	}
	return strings.Join(said.Get("name"), "")
}

// await calls until somebody has answered, once of so many calls.
func (m mesh) await(who string, headers ...string) {
	m.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if m.call(headers...) == who {
			return
		}
	}
	m.Fatalf("%s answers no call with %v", who, headers)
}

// awaitNone calls until somebody has not answered so many calls in a row.
func (m mesh) awaitNone(who string) {
	m.Helper()
	for deadline, row := time.Now().Add(patience), 0; row < 200; row++ {
		if m.call() == who {
			row = 0
		}
		if time.Now().After(deadline) {
			m.Fatalf("%s answers still", who)
		}
	}
}

// count is who has answered how many calls.
func (m mesh) count(n int, headers ...string) map[string]int {
	m.Helper()
	out := map[string]int{}
	for range n {
		out[m.call(headers...)]++
	}
	return out
}
