package agent

import (
	"context"
	"fmt"
	"runtime"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sys/unix"

	"holdfast.dev/holdfast/test/cluster/network"
)

// node is one Node that the agent pretends to be.
type node struct {
	name      string
	ip        string
	addresses *network.Addresses
}

// Leases are renewed as often as a kubelet does; the controller manager gives a node up after 40
// seconds without.
const (
	leaseDuration = 40 * time.Second
	leaseRenewal  = 10 * time.Second
)

// Capacity of every node. It is made up: enough for any scenario, small enough that asking for 9
// CPUs leaves a pod unschedulable.
var capacity = v1.ResourceList{
	v1.ResourceCPU:              resource.MustParse("8"),
	v1.ResourceMemory:           resource.MustParse("16Gi"),
	v1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
	v1.ResourcePods:             resource.MustParse("240"),
}

// register creates the Nodes, Ready from the first moment.
func (a *Agent) register(ctx context.Context) error {
	version, err := a.Client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("ask for the server's version: %w", err)
	}
	for _, n := range a.nodes {
		if err := a.renewLease(ctx, n); err != nil {
			return err
		}
		object := n.object(version.GitVersion, metav1.Now())
		status := object.Status
		created, err := a.Client.CoreV1().Nodes().Create(ctx, object, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			created, err = a.Client.CoreV1().Nodes().Get(ctx, n.name, metav1.GetOptions{})
		}
		if err != nil {
			return fmt.Errorf("register node %s: %w", n.name, err)
		}
		created.Status = status
		if _, err := a.Client.CoreV1().Nodes().UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("report node %s ready: %w", n.name, err)
		}
	}
	return nil
}

func (n *node) object(version string, now metav1.Time) *v1.Node {
	labels := map[string]string{
		v1.LabelHostname: n.name, v1.LabelOSStable: "linux", v1.LabelArchStable: runtime.GOARCH,
	}
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.name, Labels: labels},
		Spec:       v1.NodeSpec{PodCIDR: n.addresses.Range(), PodCIDRs: []string{n.addresses.Range()}},
		Status: v1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Conditions: []v1.NodeCondition{
				nodeCondition(v1.NodeMemoryPressure, v1.ConditionFalse, "KubeletHasSufficientMemory", now),
				nodeCondition(v1.NodeDiskPressure, v1.ConditionFalse, "KubeletHasNoDiskPressure", now),
				nodeCondition(v1.NodePIDPressure, v1.ConditionFalse, "KubeletHasSufficientPID", now),
				nodeCondition(v1.NodeReady, v1.ConditionTrue, "KubeletReady", now),
			},
			Addresses:       []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: n.ip}, {Type: v1.NodeHostName, Address: n.name}},
			DaemonEndpoints: v1.NodeDaemonEndpoints{KubeletEndpoint: v1.DaemonEndpoint{Port: servingPort}},
			NodeInfo: v1.NodeSystemInfo{
				KubeletVersion: version, OperatingSystem: "linux", Architecture: runtime.GOARCH,
				ContainerRuntimeVersion: "holdfast-test://1", OSImage: "Holdfast test cluster", KernelVersion: kernel(),
			},
		},
	}
}

func kernel() string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return ""
	}
	return unix.ByteSliceToString(name.Release[:])
}

func nodeCondition(kind v1.NodeConditionType, status v1.ConditionStatus, reason string, now metav1.Time) v1.NodeCondition {
	return v1.NodeCondition{Type: kind, Status: status, Reason: reason, LastHeartbeatTime: now, LastTransitionTime: now}
}

// heartbeat renews every node's lease until ctx ends. A failure is only logged: the next try is seconds away.
func (a *Agent) heartbeat(ctx context.Context) {
	for pause(ctx, leaseRenewal) {
		for _, n := range a.nodes {
			if err := a.renewLease(ctx, n); err != nil {
				a.Log.Warn("node lease not renewed", "node", n.name, "error", err)
			}
		}
	}
}

func (a *Agent) renewLease(ctx context.Context, n *node) error {
	leases := a.Client.CoordinationV1().Leases(v1.NamespaceNodeLease)
	now, seconds := metav1.NowMicro(), int32(leaseDuration/time.Second)
	lease, err := leases.Get(ctx, n.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		lease = &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: n.name, Namespace: v1.NamespaceNodeLease}}
		lease.Spec = coordinationv1.LeaseSpec{HolderIdentity: &n.name, LeaseDurationSeconds: &seconds, RenewTime: &now}
		_, err = leases.Create(ctx, lease, metav1.CreateOptions{})
	} else if err == nil {
		lease.Spec.RenewTime = &now
		_, err = leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("renew lease of node %s: %w", n.name, err)
	}
	return nil
}
