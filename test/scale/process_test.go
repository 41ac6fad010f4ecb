package main

import (
	"path/filepath"
	"testing"
	"time"
)

func TestCPUOfAProcess(t *testing.T) {
	const stat = "12 (a (b) c) S 1 12 12 0 -1 4194560 9 8 7 6 250 50 5 4 20 0 9 0 321 1312088 75952 0\n"
	if got, err := cpuIn(stat); got != 3 || err != nil {
		t.Errorf("%g, %v; want 3", got, err)
	}
	if got, err := cpuIn("12 (cut) S 1"); err == nil {
		t.Errorf("%g of what was cut, want an error", got)
	}
}

// TestThisProcess: what the kernel says of it is near to what must be so.
func TestThisProcess(t *testing.T) {
	self, err := filepath.EvalSymlinks("/proc/self")
	if err != nil {
		t.Fatal(err)
	}
	p := process(self)
	before, err := p.cpu()
	if err != nil {
		t.Fatal(err)
	}
	held, began := make([]byte, 64<<20), time.Now()
	for after := before; after == before; {
		for i := range held {
			held[i]++
		}
		if after, err = p.cpu(); err != nil || after < before || time.Since(began) > time.Minute {
			t.Fatalf("CPU %g and after much work %g, %v", before, after, err)
		}
	}
	resident, err := p.resident()
	if err != nil || resident < float64(len(held)) {
		t.Errorf("%g bytes with %d held, %v", resident, len(held), err)
	}
}
