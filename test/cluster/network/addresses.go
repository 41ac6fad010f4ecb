package network

import (
	"fmt"
	"sync"
)

// Addresses gives out the pod addresses of one node. It goes round the range, so an address that a
// pod has given back is the last to be used again: clients that still hold it get an error, not
// another pod.
type Addresses struct {
	node int

	mu    sync.Mutex
	next  int
	taken map[string]bool
}

// Pods get the addresses from .2 up to .251 of their node's /24.
const (
	firstHost    = 2
	hostsPerNode = 250
)

// NewAddresses gives out those of 10.244.<node>.0/24. Nodes count from 1.
func NewAddresses(node int) *Addresses {
	return &Addresses{node: node, taken: map[string]bool{}}
}

// Range is the node's share of PodRange.
func (a *Addresses) Range() string { return fmt.Sprintf("10.244.%d.0/24", a.node) }

// Take returns a free address, or an error when the node has none left.
func (a *Addresses) Take() (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range hostsPerNode {
		ip := fmt.Sprintf("10.244.%d.%d", a.node, firstHost+a.next)
		a.next = (a.next + 1) % hostsPerNode
		if !a.taken[ip] {
			a.taken[ip] = true
			return ip, nil
		}
	}
	return "", fmt.Errorf("no free address in %s: %d pods have one", a.Range(), len(a.taken))
}

// Give takes an address back.
func (a *Addresses) Give(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.taken, ip)
}
