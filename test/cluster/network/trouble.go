package network

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// States of a bridge's port (linux/if_bridge.h).
const (
	portDisabled   = 0
	portForwarding = 3
)

// Isolate has the bridge drop all that the pod sends or is sent. Neither side is told, as when a
// switch fails: the cable stays up and connections stay open.
func (p *Pod) Isolate() error { return p.setPort(portDisabled) }

// Rejoin undoes Isolate.
func (p *Pod) Rejoin() error { return p.setPort(portForwarding) }

func (p *Pod) setPort(state uint8) error {
	cable, err := netlink.LinkByName(p.cable)
	if err != nil {
		return fmt.Errorf("find cable of pod %s: %w", p.IP, err)
	}
	request := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	message := nl.NewIfInfomsg(unix.AF_BRIDGE)
	message.Index = int32(cable.Attrs().Index)
	request.AddData(message)
	port := nl.NewRtAttr(unix.IFLA_PROTINFO|unix.NLA_F_NESTED, nil)
	port.AddRtAttr(nl.IFLA_BRPORT_STATE, nl.Uint8Attr(state))
	request.AddData(port)
	if _, err := request.Execute(unix.NETLINK_ROUTE, 0); err != nil {
		return fmt.Errorf("set bridge port of pod %s to state %d: %w", p.IP, state, err)
	}
	return nil
}

// Reset ends the connections that the pod has to a server of the control plane, from the server's
// side: the pod reads that its peer has reset them. New ones can be made.
func (p *Pod) Reset(server *net.TCPAddr) error {
	sockets, err := netlink.SocketDiagTCP(unix.AF_INET)
	if err != nil {
		return fmt.Errorf("list connections with pod %s: %w", p.IP, err)
	}
	pod := net.ParseIP(p.IP)
	for _, s := range sockets {
		if !s.ID.Destination.Equal(pod) || !s.ID.Source.Equal(server.IP) || int(s.ID.SourcePort) != server.Port {
			continue
		}
		err := netlink.SocketDestroy(server, &net.TCPAddr{IP: pod, Port: int(s.ID.DestinationPort)})
		switch {
		case errors.Is(err, unix.ENOENT): // it has ended by itself
		case errors.Is(err, unix.EOPNOTSUPP):
			return fmt.Errorf("end connections with pod %s: %w (the kernel is built without CONFIG_INET_DIAG_DESTROY)", p.IP, err)
		case err != nil:
			return fmt.Errorf("end connections with pod %s: %w", p.IP, err)
		}
	}
	return nil
}
