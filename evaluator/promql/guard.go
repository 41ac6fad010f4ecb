package promql

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"holdfast.dev/holdfast/api/endpoint"
)

// errAddress is for connections to addresses at which the endpoint may not be.
var errAddress = errors.New("refused to connect")

// guard looks at the address of each connection before it is made. By then names
// have been resolved, so it does not matter what a name resolved to before.
func guard(e endpoint.Endpoint) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %s is no network of addresses", errAddress, network)
		}
		if err := e.MayDial(to.Addr()); err != nil {
			return fmt.Errorf("%w: %w", errAddress, err)
		}
		return nil
	}
}
