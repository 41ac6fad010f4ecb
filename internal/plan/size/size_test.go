package size

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestOf(t *testing.T) {
	number, share := func(n int32) *intstr.IntOrString { v := intstr.FromInt32(n); return &v },
		func(s string) *intstr.IntOrString { v := intstr.FromString(s); return &v }
	for _, tc := range []struct {
		wanted   *intstr.IntOrString
		replicas int32
		want     int32
	}{
		{nil, 5, 1}, {number(3), 0, 3}, {number(0), 5, 1}, {number(5000), 5, 1000},
		{share("10%"), 5, 1}, {share("10%"), 11, 2}, {share("100%"), 7, 7}, {share("50%"), 0, 1}, {share("x"), 5, 1},
	} {
		if got := Pods(tc.wanted, tc.replicas); got != tc.want {
			t.Errorf("Replicas(%v, %d) = %d, want %d", tc.wanted, tc.replicas, got, tc.want)
		}
	}
}

// The share is never smaller than was asked for, and with one pod less it would be.
// A baseline takes as much as the canary.
func TestOfShare(t *testing.T) {
	for most, sets := range map[int32]int32{99: 1, 49: 2} {
		for share := int32(1); share <= most; share++ {
			for replicas := int32(0); replicas <= 60; replicas++ {
				wantShare(t, share, replicas, sets)
			}
		}
	}
}

func wantShare(t *testing.T, share, replicas, sets int32) {
	t.Helper()
	n := OfShare(share, replicas, sets == 2)
	of := func(n int32) float64 { return 100 * float64(n) / float64(sets*n+replicas) }
	switch {
	case n < 1 || n > 1000:
		t.Fatalf("share %d beside %d: %d pods", share, replicas, n)
	case replicas > 0 && n < 1000 && of(n) < float64(share)-1e-9:
		t.Fatalf("share %d beside %d: %d pods are only %g %%", share, replicas, n, of(n))
	case n > 1 && of(n-1) >= float64(share)+1e-9:
		t.Fatalf("share %d beside %d: %d pods, and one less would do", share, replicas, n)
	}
}
