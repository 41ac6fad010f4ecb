package promql

import (
	"fmt"
	"net/netip"
	"syscall"

	"holdfast.dev/holdfast/internal/endpoint"
)

// addressError is for connections to addresses at which the endpoint may not be.
// It says why, and names none.
type addressError struct{ why error }

func (e *addressError) Error() string { return fmt.Sprintf("refused to connect: %s", e.why) }

// guard looks at the address of each connection before it is made. By then names
// have been resolved, so it does not matter what a name resolved to before.
func guard(e endpoint.Endpoint) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &addressError{fmt.Errorf("%s is no network of addresses", network)}
		}
		if err := e.MayDial(to.Addr()); err != nil {
			return &addressError{err}
		}
		return nil
	}
}
