package certs

import (
	"crypto/x509"
	"testing"
	"time"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hosts = []string{"holdfast-webhook.holdfast-system.svc"}
)

// TestRotateForThreeYears goes through three years in steps of twelve hours, and
// through the worst that replicas and API servers can be behind: a server may
// serve the leaf of the step before, an API server may trust what was published
// in the step before.
func TestRotateForThreeYears(t *testing.T) {
	if testing.Short() {
		t.Skip("long under the race detector, and nothing in it runs side by side: make test-unit runs it without")
	}
	var b Bundle
	var published []byte
	var told trust
	leaves, authorities := map[string]bool{}, map[string]bool{}
	var served *pair
	for now := epoch; now.Before(epoch.AddDate(3, 0, 0)); now = now.Add(12 * time.Hour) {
		told = told.observe(parsed(t, published), now)
		next, err := Rotate(b, hosts, told, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, leaf := range []*pair{served, next.Leaf} {
			for _, trusted := range [][]byte{published, next.Trusted()} {
				if leaf != nil && len(trusted) > 0 && !verifies(leaf, trusted, now) {
					t.Fatalf("%s: leaf of %s is not trusted", now, leaf.certificate.NotBefore)
				}
			}
		}
		leaves[next.Leaf.certificate.SerialNumber.String()] = true
		authorities[next.CA.certificate.SerialNumber.String()] = true
		b, published, served = next, next.Trusted(), next.Leaf
	}
	if len(leaves) < 20 || len(authorities) < 4 {
		t.Errorf("%d leaves and %d CAs in three years", len(leaves), len(authorities))
	}
	if len(b.Retired) > 2 {
		t.Errorf("%d retired CAs are still trusted", len(b.Retired))
	}
}

func verifies(leaf *pair, trusted []byte, now time.Time) bool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(trusted)
	_, err := leaf.certificate.Verify(x509.VerifyOptions{Roots: pool, DNSName: hosts[0], CurrentTime: now})
	return err == nil
}

// toldSince is the trust of a replica that has seen these CAs published since then.
func toldSince(t *testing.T, trusted []byte, since time.Time) trust {
	t.Helper()
	return trust{}.observe(parsed(t, trusted), since)
}

func parsed(t *testing.T, trusted []byte) []*x509.Certificate {
	t.Helper()
	out, err := decodeCertificates(trusted)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestANewCASignsWhenItHasBeenPublishedForLongEnough: how old it is does not count.
func TestANewCASignsWhenItHasBeenPublishedForLongEnough(t *testing.T) {
	b, err := Rotate(Bundle{}, hosts, nil, epoch)
	if err != nil {
		t.Fatal(err)
	}
	late := epoch.Add(caLifetime - 24*time.Hour)
	b, err = Rotate(b, hosts, toldSince(t, b.Trusted(), epoch), late)
	if err != nil || b.Next == nil {
		t.Fatalf("no successor is made: %v", err)
	}
	withoutNext := encodeCertificate(b.CA.certificate)
	now := late.Add(2 * time.Hour)
	for name, tc := range map[string]struct {
		told  trust
		signs bool
	}{
		"never published":                    {told: toldSince(t, withoutNext, epoch)},
		"old, but published a moment ago":    {told: toldSince(t, b.Trusted(), now.Add(-settle/2))},
		"published for long":                 {told: toldSince(t, b.Trusted(), now.Add(-settle)), signs: true},
		"taken off and put back a while ago": {told: toldSince(t, b.Trusted(), late).observe(parsed(t, withoutNext), now.Add(-time.Minute)).observe(parsed(t, b.Trusted()), now)},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := Rotate(b, hosts, tc.told, now)
			if err != nil {
				t.Fatal(err)
			}
			if signs := after.CA == b.Next && after.Leaf.signedBy(b.Next); signs != tc.signs {
				t.Errorf("the new CA signs: %t", signs)
			}
		})
	}
}

func TestRotateMakesALeafForOtherHosts(t *testing.T) {
	b, _ := Rotate(Bundle{}, hosts, nil, epoch)
	after, err := Rotate(b, []string{"other.ns.svc"}, nil, epoch)
	if err != nil || after.Leaf == b.Leaf || !after.Leaf.serves([]string{"other.ns.svc"}) {
		t.Errorf("the leaf was not made anew: %v", err)
	}
}

func TestRotateChangesNothingThatIsNotDue(t *testing.T) {
	b, _ := Rotate(Bundle{}, hosts, nil, epoch)
	after, err := Rotate(b, hosts, toldSince(t, b.Trusted(), epoch), epoch.Add(24*time.Hour))
	if err != nil || after.Leaf != b.Leaf || after.CA != b.CA || after.Next != nil {
		t.Errorf("something changed: %v", err)
	}
}

func TestBundleSurvivesTheSecret(t *testing.T) {
	b, _ := Rotate(Bundle{}, hosts, nil, epoch)
	late := epoch.Add(caLifetime - 24*time.Hour)
	b, _ = Rotate(b, hosts, nil, late)
	b, _ = Rotate(b, hosts, toldSince(t, b.Trusted(), late), late.Add(2*settle))
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Trusted()) != string(b.Trusted()) || !got.Leaf.certificate.Equal(b.Leaf.certificate) || len(got.Retired) != 1 {
		t.Error("the bundle came back another one")
	}
}

func TestDecodeRefusesWhatDoesNotFit(t *testing.T) {
	a, _ := Rotate(Bundle{}, hosts, nil, epoch)
	b, _ := Rotate(Bundle{}, hosts, nil, epoch)
	data, _ := a.Encode()
	other, _ := b.Encode()
	data[keyLeafKey] = other[keyLeafKey]
	if _, err := Decode(data); err == nil {
		t.Error("took a key of another certificate")
	}
	if _, err := Decode(map[string][]byte{keyCA: []byte("garbage")}); err == nil {
		t.Error("took garbage")
	}
	if b, err := Decode(nil); err != nil || b.CA != nil {
		t.Errorf("an empty Secret is %v, error %v", b, err)
	}
}
