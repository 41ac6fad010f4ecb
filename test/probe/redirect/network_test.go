package redirect

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// The addresses of who asks and of the pod, in each family.
const (
	outside4, pod4 = "10.9.0.1", "10.9.0.2"
	outside6, pod6 = "fd00:9::1", "fd00:9::2"
)

// connect lays a cable between this network namespace and that of a process.
func connect(t *testing.T, pid int) {
	t.Helper()
	namespace, err := netns.GetFromPid(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer namespace.Close()
	inside, err := netlink.NewHandleAt(namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := netlink.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "pod"}, PeerName: "eth0", PeerNamespace: netlink.NsFd(namespace)}
	if err := outside.LinkAdd(cable); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a namespace goes some time after its process
		if err := netlink.LinkDel(cable); err != nil {
			t.Error(err)
		}
	})
	raise(t, outside, "lo")
	raise(t, outside, "pod", outside4+"/24", outside6+"/64")
	raise(t, inside, "lo")
	raise(t, inside, "eth0", pod4+"/24", pod6+"/64")
}

// raise gives a link addresses, which count at once, and has it up.
func raise(t *testing.T, in *netlink.Handle, name string, addresses ...string) {
	t.Helper()
	link, err := in.LinkByName(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, text := range addresses {
		ip, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		network.IP = ip
		if err := in.AddrAdd(link, &netlink.Addr{IPNet: network, Flags: unix.IFA_F_NODAD}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	if err := in.LinkSetUp(link); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
