package transport

import (
	"fmt"
	"net/netip"
	"syscall"

	"holdfast.dev/holdfast/internal/outbound"
)

// RefusedError is for connections to addresses at which the target may not be.
// It says why, and names none.
type RefusedError struct{ why error }

func (e *RefusedError) Error() string { return fmt.Sprintf("refused to connect: %s", e.why) }

// guard looks at the address of each connection before it is made. By then names
// have been resolved, so it does not matter what a name resolved to before.
func guard(t outbound.Target) func(network, address string, _ syscall.RawConn) error {
	return func(network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return &RefusedError{fmt.Errorf("%s is no network of addresses", network)}
		}
		if err := t.MayDial(to.Addr()); err != nil {
			return &RefusedError{err}
		}
		return nil
	}
}
