// Package network wires the cluster's private network: one bridge to which every pod has a cable,
// and the addresses of the control plane on the loopback of the namespace that the cluster runs in.
// Nothing of it is seen from outside.
package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Fixed addresses of every cluster; clusters do not clash because each has its own namespace.
const (
	// ControlPlane is the first address of the Service range, which is what the Service
	// `kubernetes` gets: pods reach the API server at its ClusterIP with nothing in between.
	ControlPlane = "10.0.0.1"
	ServiceRange = "10.0.0.0/24"
	PodRange     = "10.244.0.0/16"
	// Gateway is the bridge's own address, where pods send what is not for another pod.
	Gateway = "10.244.0.1"

	bridgeName = "pods"
	prefixBits = 16
)

// NodeAddress is the InternalIP of the n-th node, counted from 1.
func NodeAddress(n int) string { return fmt.Sprintf("10.0.1.%d", n) }

// SetUp raises the loopback with the addresses of the control plane and of the nodes, and the
// bridge for pods.
func SetUp(nodes int) error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return fmt.Errorf("raise loopback: %w", err)
	}
	addresses := []string{ControlPlane}
	for n := 1; n <= nodes; n++ {
		addresses = append(addresses, NodeAddress(n))
	}
	for _, address := range addresses {
		if err := addAddress(loopback, address, 32); err != nil {
			return err
		}
	}
	// Without an address of its own a bridge takes the lowest of its ports', which change as pods
	// come and go: all pods would lose their gateway for seconds, until they look for it again.
	address := append(net.HardwareAddr{0x02, 0x42}, net.ParseIP(Gateway).To4()...)
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName, HardwareAddr: address}}
	if err := netlink.LinkAdd(bridge); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			return fmt.Errorf("make bridge for pods: %w (the kernel has no bridge support: `modprobe bridge veth` as root)", err)
		}
		return fmt.Errorf("make bridge for pods: %w", err)
	}
	if err := addAddress(bridge, Gateway, prefixBits); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(bridge); err != nil {
		return fmt.Errorf("raise bridge for pods: %w", err)
	}
	return nil
}

func addAddress(link netlink.Link, address string, bits int) error {
	network := &net.IPNet{IP: net.ParseIP(address).To4(), Mask: net.CIDRMask(bits, 32)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: network}); err != nil {
		return fmt.Errorf("add address %s to %s: %w", network, link.Attrs().Name, err)
	}
	return nil
}
