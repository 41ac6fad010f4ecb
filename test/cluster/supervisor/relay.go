package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/network"
)

// Where Holdfast's own metrics are found.
const (
	metricsNamespace = "holdfast-system"
	metricsService   = "holdfast-metrics"
)

// relayPorts joins the ports that this process inherited from outside to what stands behind them inside.
func (s *supervisor) relayPorts(ctx context.Context) {
	fixed := func(address string) func(context.Context) (net.Conn, error) {
		return func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	go s.relay(ctx, control.APIServerFD, fixed(net.JoinHostPort(network.ControlPlane, "443")))
	go s.relay(ctx, control.PrometheusFD, fixed(prometheusAddress))
	go s.relay(ctx, control.MetricsFD, s.dialMetrics)
}

// relay accepts on an inherited listener until ctx ends.
func (s *supervisor) relay(ctx context.Context, fd int, dial func(context.Context) (net.Conn, error)) {
	listener, err := net.FileListener(os.NewFile(uintptr(fd), "relay"))
	if err != nil {
		s.log.Error("port not relayed", "error", fmt.Errorf("open inherited listener %d: %w", fd, err))
		return
	}
	context.AfterFunc(ctx, func() { listener.Close() })
	for {
		outside, err := listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.log.Error("relay ended", "error", err)
			}
			return
		}
		go join(ctx, outside.(*net.TCPConn), dial)
	}
}

// join copies both ways until both sides have ended. A side that cannot be reached is a closed
// connection for the other, as a port on which nobody listens would be.
func join(ctx context.Context, outside *net.TCPConn, dial func(context.Context) (net.Conn, error)) {
	defer outside.Close()
	conn, err := dial(ctx)
	if err != nil {
		fmt.Fprintf(outside, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n%v\n", err)
		return
	}
	inside := conn.(*net.TCPConn)
	defer inside.Close()
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(inside, outside)
		_ = inside.CloseWrite()
		close(done)
	}()
	_, _ = io.Copy(outside, inside)
	_ = outside.CloseWrite()
	<-done
}

// dialMetrics reaches a ready pod behind Holdfast's metrics Service.
func (s *supervisor) dialMetrics(ctx context.Context) (net.Conn, error) {
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	address, err := readyEndpoint(ctx, client, metricsNamespace, metricsService)
	if err != nil {
		return nil, err
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

func readyEndpoint(ctx context.Context, client kubernetes.Interface, namespace, service string) (string, error) {
	found, err := client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + service})
	if err != nil {
		return "", fmt.Errorf("list endpoints of service %s/%s: %w", namespace, service, err)
	}
	for _, slice := range found.Items {
		for _, endpoint := range slice.Endpoints {
			if (endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready) && len(slice.Ports) > 0 {
				return net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*slice.Ports[0].Port))), nil
			}
		}
	}
	return "", fmt.Errorf("service %s/%s has no ready endpoint", namespace, service)
}
