package outbound

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"holdfast.dev/holdfast/internal/plaintext"
)

// refusal is a range of addresses at which nothing is looked for unless
// the administrator allows it, and why.
type refusal struct {
	prefix netip.Prefix
	why    string
}

// refused are the addresses at which clouds and machines answer whoever can
// reach them. Private ranges are no part of it: clusters live there.
var refused = []refusal{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds serve credentials"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fd00:ec2::/32"), "where AWS serves metadata and credentials"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "where Google Cloud serves metadata and credentials"},
	{netip.MustParsePrefix("100.100.100.200/32"), "where Alibaba Cloud serves metadata and credentials"},
	{netip.MustParsePrefix("168.63.129.16/32"), "where Azure serves a machine's configuration"},
	{netip.MustParsePrefix("192.0.0.192/32"), "where Oracle Cloud serves metadata"},
	{netip.MustParsePrefix("224.0.0.0/3"), "multicast or reserved"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{loopback4, "loopback, and the URL names another host"},
	{loopback6, "loopback, and the URL names another host"},
}

var (
	loopback4 = netip.MustParsePrefix("127.0.0.0/8")
	loopback6 = netip.MustParsePrefix("::1/128")
)

// MayDial says whether the target may be looked for at an address that its
// host resolves to; the error says why not, and names no address. It is to be
// asked for each connection, after the name was resolved: what a name resolves to
// may change at any time.
//
// denyAddresses come first, then allowAddresses, then what is always refused.
// The loopback is allowed where the URL itself names it: a proxy beside Holdfast.
func (t *Target) MayDial(address netip.Addr) error {
	address = address.WithZone("").Unmap()
	for _, a := range append(embedded(address), address) {
		switch {
		case containsAddress(t.DenyAddresses, a):
			return errors.New("its address is refused: the administrator denies it")
		case containsAddress(t.AllowAddresses, a), a.IsLoopback() && t.namesLoopback():
			continue
		}
		for _, r := range refused {
			if r.prefix.Contains(a) {
				return fmt.Errorf("its address is refused: it is %s", r.why)
			}
		}
	}
	return nil
}

// embedded is the IPv4 address that a gateway would make of one in IPv6 (NAT64,
// RFC 6052; 6to4, RFC 3056).
func embedded(a netip.Addr) []netip.Addr {
	bytes := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("64:ff9b:1::/48").Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(bytes[12:16]))}
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return []netip.Addr{netip.AddrFrom4([4]byte(bytes[2:6]))}
	}
	return nil
}

func (t *Target) namesLoopback() bool {
	u, err := url.Parse(t.URL)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

func containsAddress(list []string, address netip.Addr) bool {
	return slices.ContainsFunc(list, func(text string) bool {
		prefix, err := parsePrefix(text)
		return err == nil && prefix.Contains(address)
	})
}

// parsePrefix reads an address or a range of them.
func parsePrefix(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.WithZone("").Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return prefix.Masked(), nil
}

// ValidateAddresses checks a list of addresses and ranges.
func ValidateAddresses(list []string, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, text := range list {
		if _, err := parsePrefix(text); err != nil {
			errs = append(errs, field.Invalid(at.Index(i), plaintext.Cut(text, 80), "must be an address or a range of them, such as 10.1.2.3 or 169.254.20.0/24"))
		}
	}
	return errs
}
