//go:build !linux

package redirect

import "errors"

// Write is for Linux: elsewhere there is no nftables.
func Write(Rules) ([]string, error) {
	return nil, errors.New("write rules of nftables: there are none but on Linux")
}
