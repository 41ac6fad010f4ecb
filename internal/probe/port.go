package probe

import (
	"fmt"
	"strconv"
	"strings"
)

// Protocol is how what comes at a port is read.
type Protocol string

// How what comes at a port is read.
const (
	// Auto reads HTTP/1.1, HTTP/2 in clear text and gRPC as requests, and passes through as a
	// connection what begins otherwise, such as TLS.
	Auto Protocol = "Auto"
	// TCP passes every connection through. It is for protocols in which the server
	// speaks first.
	TCP Protocol = "TCP"
)

// Port is a port of the application that is measured.
type Port struct {
	// Name is the value of PortLabel.
	Name string
	// Listen is where the probe takes its requests.
	Listen int32
	// Target is where the application listens, at the address by which a client finds the pod.
	Target   int32
	Protocol Protocol
}

// String is the port as ParsePort reads it.
func (p Port) String() string {
	return fmt.Sprintf("%s=%d:%d/%s", p.Name, p.Listen, p.Target, p.Protocol)
}

// ParsePort reads NAME=LISTEN:TARGET/PROTOCOL, such as "http=15100:8080/Auto".
func ParsePort(text string) (Port, error) {
	name, rest, named := strings.Cut(text, "=")
	numbers, protocol, has := strings.Cut(rest, "/")
	listen, target, two := strings.Cut(numbers, ":")
	if !named || !has || !two || name == "" {
		return Port{}, fmt.Errorf("%q is no port; write NAME=LISTEN:TARGET/PROTOCOL, such as http=15100:8080/Auto", text)
	}
	p := Port{Name: name, Protocol: Protocol(protocol)}
	if p.Protocol != Auto && p.Protocol != TCP {
		return Port{}, fmt.Errorf("%q: the protocol of a port is %s or %s", text, Auto, TCP)
	}
	for _, n := range []struct {
		text string
		to   *int32
	}{{listen, &p.Listen}, {target, &p.Target}} {
		v, err := strconv.ParseUint(n.text, 10, 16)
		if err != nil || v == 0 {
			return Port{}, fmt.Errorf("%q: %q is no port from 1 to 65535", text, n.text)
		}
		*n.to = int32(v)
	}
	return p, nil
}
