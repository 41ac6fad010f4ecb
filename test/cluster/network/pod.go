package network

import (
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Pod is the network of one pod: a namespace with a loopback, and eth0 on the bridge with the pod's
// address. The namespace lives as long as a process in it or this handle.
type Pod struct {
	IP        string
	Namespace *os.File
	cable     string
}

// NewPod makes the network of a pod with that address. Close it, or the cable stays.
func NewPod(ip string) (*Pod, error) {
	namespace, err := newNamespace()
	if err != nil {
		return nil, err
	}
	address := net.ParseIP(ip).To4()
	pod := &Pod{IP: ip, Namespace: namespace, cable: fmt.Sprintf("pod-%d-%d", address[2], address[3])}
	if err := pod.plug(address); err != nil {
		pod.Close()
		return nil, err
	}
	return pod, nil
}

// newNamespace leaves the new namespace alive only through the returned file. The thread that made
// it ends at once.
func newNamespace() (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	made := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: fmt.Errorf("make network namespace: %w", err)}
			return
		}
		// Programs without privileges may listen on port 80, as under containerd.
		err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
		if err != nil {
			made <- result{err: fmt.Errorf("allow low ports: %w", err)}
			return
		}
		file, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		made <- result{file, err}
	}()
	r := <-made
	return r.file, r.err
}

// plug lays the cable: one end on the bridge, the other as eth0 in the namespace. Both ends'
// hardware addresses come from the IP, so that a neighbour's table stays true when the address is
// given to another pod.
func (p *Pod) plug(address net.IP) error {
	bridge, err := netlink.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find bridge for pods: %w", err)
	}
	veth := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: p.cable, MasterIndex: bridge.Attrs().Index},
		PeerName:         "eth0",
		PeerHardwareAddr: append(net.HardwareAddr{0x02, 0x42}, address...),
		PeerNamespace:    netlink.NsFd(p.Namespace.Fd()),
	}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("lay cable for pod %s: %w", p.IP, err)
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return fmt.Errorf("raise cable of pod %s: %w", p.IP, err)
	}
	return p.configure(address)
}

func (p *Pod) configure(address net.IP) error {
	inside, err := netlink.NewHandleAt(netns.NsHandle(p.Namespace.Fd()))
	if err != nil {
		return fmt.Errorf("open network of pod %s: %w", p.IP, err)
	}
	defer inside.Close()
	eth0, err := inside.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("find eth0 of pod %s: %w", p.IP, err)
	}
	network := &net.IPNet{IP: address, Mask: net.CIDRMask(prefixBits, 32)}
	if err := inside.AddrAdd(eth0, &netlink.Addr{IPNet: network}); err != nil {
		return fmt.Errorf("give pod its address %s: %w", p.IP, err)
	}
	loopback, err := inside.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback of pod %s: %w", p.IP, err)
	}
	for _, link := range []netlink.Link{loopback, eth0} {
		if err := inside.LinkSetUp(link); err != nil {
			return fmt.Errorf("raise %s of pod %s: %w", link.Attrs().Name, p.IP, err)
		}
	}
	route := &netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: net.ParseIP(Gateway)}
	if err := inside.RouteAdd(route); err != nil {
		return fmt.Errorf("add default route of pod %s: %w", p.IP, err)
	}
	return nil
}

// Close pulls the cable and lets go of the namespace.
func (p *Pod) Close() error {
	defer p.Namespace.Close()
	veth, err := netlink.LinkByName(p.cable)
	if err != nil {
		return nil // never laid, or gone with its other end
	}
	if err := netlink.LinkDel(veth); err != nil {
		return fmt.Errorf("pull cable of pod %s: %w", p.IP, err)
	}
	return nil
}
