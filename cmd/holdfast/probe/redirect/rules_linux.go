package redirect

import (
	"errors"
	"fmt"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// table is where the rules are, in each family.
const table = "holdfast_probe"

// priority is a little after that of other rules for a connection's destination, so that those of a mesh come
// first: what a mesh has encrypted is for nobody but its proxy.
var priority = nftables.ChainPriorityRef(*nftables.ChainPriorityNATDest + 10)

// Write writes the rules into this network namespace, in one transaction and in the place of those that were
// written before, and says for which families.
func Write(rules Rules) (families []string, err error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	for _, family := range []nftables.TableFamily{nftables.TableFamilyIPv4, nftables.TableFamilyIPv6} {
		if family == nftables.TableFamilyIPv6 && !hasIPv6() {
			continue
		}
		t := &nftables.Table{Family: family, Name: table}
		conn.AddTable(t)
		add(conn, t, rules)
		families = append(families, names[family])
	}
	if err := conn.Flush(); err != nil {
		return nil, fmt.Errorf("write rules of nftables: %w%s", err, remedy(err))
	}
	return families, nil
}

var names = map[nftables.TableFamily]string{nftables.TableFamilyIPv4: "IPv4", nftables.TableFamilyIPv6: "IPv6"}

// hasIPv6 says whether the kernel does, be it in use here or not.
func hasIPv6() bool {
	_, err := os.Stat("/proc/net/if_inet6")
	return err == nil
}

func remedy(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return " (the container needs the capability NET_ADMIN)"
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EAFNOSUPPORT), errors.Is(err, unix.EPROTONOSUPPORT):
		return " (the kernel of the node needs nftables with nat and fib; have spec.probe.capture of the plan be Name where it has not)"
	}
	return ""
}

// add adds the rules of one family. What comes from outside is redirected to the probe, and what the pod says
// to itself never is; a detour is open to both, since a mesh has its own agent ask what the kubelet asks.
//
// A packet that the kernel takes for none of its connection, as one that was late, is not translated: the
// application would answer it by a reset, and end a connection that is none of its own. It is dropped, and
// said again by its sender, as in the rules of kube-proxy.
//
// Chains that are there stay, and only their rules are other ones: without its chain for a moment the kernel
// would not translate the packets of connections that are open, and these would be reset.
func add(conn *nftables.Conn, t *nftables.Table, rules Rules) {
	chain := func(name string, kind nftables.ChainType, hook *nftables.ChainHook, at *nftables.ChainPriority) *nftables.Chain {
		c := conn.AddChain(&nftables.Chain{Table: t, Name: name, Type: kind, Hooknum: hook, Priority: at})
		conn.FlushChain(c)
		return c
	}
	incoming := chain("incoming", nftables.ChainTypeNAT, nftables.ChainHookPrerouting, priority)
	outgoing := chain("outgoing", nftables.ChainTypeNAT, nftables.ChainHookOutput, priority)
	stray := chain("stray", nftables.ChainTypeFilter, nftables.ChainHookInput, nftables.ChainPriorityFilter)
	for _, p := range rules.Ports {
		conn.AddRule(&nftables.Rule{Table: t, Chain: stray, Exprs: join(fromOutside(), isTCP(), toPort(p.Target), isInvalid(), drop())})
		conn.AddRule(&nftables.Rule{Table: t, Chain: incoming, Exprs: join(fromOutside(), toThisPod(), isTCP(), toPort(p.Target), goTo(t, p.Listen))})
	}
	for _, d := range rules.Detours {
		conn.AddRule(&nftables.Rule{Table: t, Chain: incoming, Exprs: join(fromOutside(), toThisPod(), isTCP(), toPort(d.From), goTo(t, d.Target))})
		conn.AddRule(&nftables.Rule{Table: t, Chain: outgoing, Exprs: join(toThisPod(), isTCP(), toPort(d.From), goTo(t, d.Target))})
	}
}

func join(parts ...[]expr.Any) (all []expr.Any) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// register holds what is compared next.
const register = 1

func fromOutside() []expr.Any {
	loopback := make([]byte, unix.IFNAMSIZ)
	copy(loopback, "lo")
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: register},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: loopback},
	}
}

// toThisPod leaves out what a pod passes on as a router.
func toThisPod() []expr.Any {
	return []expr.Any{
		&expr.Fib{Register: register, ResultADDRTYPE: true, FlagDADDR: true},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
	}
}

func isTCP() []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: []byte{unix.IPPROTO_TCP}},
	}
}

func isInvalid() []expr.Any {
	return []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: register},
		&expr.Bitwise{SourceRegister: register, DestRegister: register, Len: 4, Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitINVALID), Xor: make([]byte, 4)},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: register, Data: make([]byte, 4)},
	}
}

func drop() []expr.Any { return []expr.Any{&expr.Verdict{Kind: expr.VerdictDrop}} }

func toPort(port int32) []expr.Any {
	return []expr.Any{
		&expr.Payload{DestRegister: register, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Cmp{Op: expr.CmpOpEq, Register: register, Data: binaryutil.BigEndian.PutUint16(uint16(port))},
	}
}

// goTo changes the port and leaves the address, by which the probe asks the application.
func goTo(t *nftables.Table, port int32) []expr.Any {
	return []expr.Any{
		&expr.Immediate{Register: register, Data: binaryutil.BigEndian.PutUint16(uint16(port))},
		&expr.NAT{Type: expr.NATTypeDestNAT, Family: uint32(t.Family), RegProtoMin: register},
	}
}
