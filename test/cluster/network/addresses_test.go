package network

import "testing"

func TestAddressesGoRound(t *testing.T) {
	a := NewAddresses(3)
	take := func() string {
		t.Helper()
		ip, err := a.Take()
		if err != nil {
			t.Fatal(err)
		}
		return ip
	}
	first := take()
	if first != "10.244.3.2" {
		t.Errorf("the first address is %s", first)
	}
	a.Give(first)
	seen := map[string]bool{}
	for range hostsPerNode {
		ip := take()
		if ip == first && len(seen) != hostsPerNode-1 {
			t.Errorf("an address that was given back came again after %d others", len(seen))
		}
		if seen[ip] {
			t.Fatalf("%s was given out twice", ip)
		}
		seen[ip] = true
	}
	if ip, err := a.Take(); err == nil {
		t.Errorf("%s is one address too many", ip)
	}
}
