package supervisor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/kubernetes"

	"holdfast.dev/holdfast/test/cluster/agent"
	"holdfast.dev/holdfast/test/cluster/control"
	"holdfast.dev/holdfast/test/cluster/network"
)

// apiServerAddress is where pods reach the API server.
var apiServerAddress = &net.TCPAddr{IP: net.ParseIP(network.ControlPlane), Port: 443}

// runAgent starts the node agent and returns when its nodes are registered.
func (s *supervisor) runAgent(ctx context.Context, client kubernetes.Interface) error {
	serving, err := s.nodeServing()
	if err != nil {
		return err
	}
	a := agent.New(agent.Config{
		Client: client, Nodes: s.Nodes, Images: s.Images(), Dir: podsDir(s.State), Logs: filepath.Join(s.Logs, "pods"),
		Backoff: agent.DefaultBackoff, Serving: serving, Log: s.log,
	})
	s.controlPod = func(r control.PodRequest) error { return controlPod(a, r) }
	registered, failed := make(chan struct{}), make(chan error, 1)
	go func() { failed <- a.Run(ctx, func() { close(registered) }) }()
	select {
	case <-registered:
		return nil
	case err := <-failed:
		return fmt.Errorf("run nodes: %w", err)
	}
}

func controlPod(a *agent.Agent, r control.PodRequest) error {
	switch r.Action {
	case control.ActionSignal:
		return a.Signal(r.Namespace, r.Pod, r.Container, syscall.Signal(r.Signal))
	case control.ActionIsolate:
		return a.OnNetwork(r.Namespace, r.Pod, (*network.Pod).Isolate)
	case control.ActionRejoin:
		return a.OnNetwork(r.Namespace, r.Pod, (*network.Pod).Rejoin)
	case control.ActionReset:
		return a.OnNetwork(r.Namespace, r.Pod, func(p *network.Pod) error { return p.Reset(apiServerAddress) })
	}
	return fmt.Errorf("there is no action %q on pods", r.Action)
}

func (s *supervisor) nodeServing() (agent.Serving, error) {
	base := filepath.Join(s.PKI(), fileKubelet)
	certificate, err := tls.LoadX509KeyPair(base+".crt", base+".key")
	if err != nil {
		return agent.Serving{}, fmt.Errorf("load certificate of nodes: %w", err)
	}
	authority, err := os.ReadFile(filepath.Join(s.PKI(), "ca.crt"))
	if err != nil {
		return agent.Serving{}, fmt.Errorf("load authority: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	return agent.Serving{Certificate: certificate, Clients: clients}, nil
}
