package cluster

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"holdfast.dev/holdfast/test/cluster/control"
)

// Cluster is a running cluster.
type Cluster struct {
	state control.State
	// owned holds what only the process has that started the cluster: its end of the pipe, and the
	// process to wait for.
	owned *ownership
}

// Attach finds the cluster that was started in dir, by `make up` for one.
func Attach(dir string) (*Cluster, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find cluster folder: %w", err)
	}
	running, err := control.Running(dir)
	if err != nil {
		return nil, err
	}
	if !running {
		return nil, fmt.Errorf("%w running in %s", control.ErrNoCluster, dir)
	}
	state, err := control.Load(dir)
	if err != nil {
		return nil, err
	}
	return &Cluster{state: state}, nil
}

// Dir is the cluster's folder.
func (c *Cluster) Dir() string { return c.state.Dir }

// Logs is the folder with a log for each component and, under pods, for each run of each container.
func (c *Cluster) Logs() string { return c.state.Logs }

// Kubeconfig is the path of the administrator's kubeconfig, good anywhere on this machine.
func (c *Cluster) Kubeconfig() string { return c.state.Kubeconfig() }

// RESTConfig is the administrator's access, with no limit on the rate of requests.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig of the cluster: %w", err)
	}
	config.QPS = -1
	return config, nil
}

// PrometheusURL is where Prometheus is reached from outside; pods reach it at http://10.0.0.1:9090.
func (c *Cluster) PrometheusURL() string { return "http://" + c.state.Prometheus }

// MetricsURL is where the metrics of a ready Holdfast pod are reached, once one is installed.
func (c *Cluster) MetricsURL() string { return "http://" + c.state.Metrics + "/metrics" }

// Bin is the path of one of the cluster's tools: kubectl, prometheus, etcd, …
func (c *Cluster) Bin(name string) string { return filepath.Join(c.state.Bin(), name) }

// Command is a run of one of the cluster's tools with KUBECONFIG set.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.Bin(name), args...)
	cmd.Env = append(cmd.Environ(), "KUBECONFIG="+c.Kubeconfig())
	return cmd
}

// Status lists the components.
func (c *Cluster) Status(ctx context.Context) (control.Status, error) { return c.state.Status(ctx) }

// StopComponent ends etcd, kube-apiserver, kube-controller-manager, kube-scheduler or prometheus,
// whose data stay.
func (c *Cluster) StopComponent(ctx context.Context, name string) error {
	return c.state.Component(ctx, control.ComponentRequest{Name: name, Action: control.ActionStop})
}

// StartComponent starts a component that was stopped or has crashed. It does not wait until it is ready.
func (c *Cluster) StartComponent(ctx context.Context, name string) error {
	return c.state.Component(ctx, control.ComponentRequest{Name: name, Action: control.ActionStart})
}

// SignalComponent sends a signal to a component: SIGSTOP to make it hang, SIGKILL to see it crash.
func (c *Cluster) SignalComponent(ctx context.Context, name string, sig syscall.Signal) error {
	return c.state.Component(ctx, control.ComponentRequest{Name: name, Action: control.ActionSignal, Signal: int(sig)})
}

// SignalPod sends a signal to the program of the pod's first container, as if someone had on its node.
func (c *Cluster) SignalPod(ctx context.Context, namespace, pod string, sig syscall.Signal) error {
	return c.SignalContainer(ctx, namespace, pod, "", sig)
}

// SignalContainer is SignalPod for the container of that name.
func (c *Cluster) SignalContainer(ctx context.Context, namespace, pod, container string, sig syscall.Signal) error {
	return c.state.Pod(ctx, control.PodRequest{Namespace: namespace, Pod: pod, Action: control.ActionSignal, Container: container, Signal: int(sig)})
}

// IsolatePod cuts a pod off from everything until RejoinPod: what it sends and what is sent to it
// is lost, and nobody is told, as when a switch fails. Probes are sent to it over the network too,
// so it will not stay Ready.
func (c *Cluster) IsolatePod(ctx context.Context, namespace, pod string) error {
	return c.state.Pod(ctx, control.PodRequest{Namespace: namespace, Pod: pod, Action: control.ActionIsolate})
}

// RejoinPod ends the isolation of a pod.
func (c *Cluster) RejoinPod(ctx context.Context, namespace, pod string) error {
	return c.state.Pod(ctx, control.PodRequest{Namespace: namespace, Pod: pod, Action: control.ActionRejoin})
}

// ResetPod ends the connections that a pod has to the API server, watches and requests under way,
// as an API server that crashes does. The pod can connect again at once.
func (c *Cluster) ResetPod(ctx context.Context, namespace, pod string) error {
	return c.state.Pod(ctx, control.PodRequest{Namespace: namespace, Pod: pod, Action: control.ActionReset})
}
