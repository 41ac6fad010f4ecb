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
	var b Bundle
	var published []byte
	leaves, authorities := map[string]bool{}, map[string]bool{}
	var served *pair
	for now := epoch; now.Before(epoch.AddDate(3, 0, 0)); now = now.Add(12 * time.Hour) {
		next, err := Rotate(b, hosts, published, now)
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

func TestANewCADoesNotSignBeforeItIsPublished(t *testing.T) {
	b, err := Rotate(Bundle{}, hosts, nil, epoch)
	if err != nil {
		t.Fatal(err)
	}
	late := epoch.Add(caLifetime - 24*time.Hour)
	b, err = Rotate(b, hosts, b.Trusted(), late)
	if err != nil || b.Next == nil {
		t.Fatalf("no successor is made: %v", err)
	}
	unpublished := encodeCertificate(b.CA.certificate)
	after, err := Rotate(b, hosts, unpublished, late.Add(time.Hour))
	if err != nil || after.CA != b.CA {
		t.Errorf("an unpublished CA signs (error %v)", err)
	}
	after, err = Rotate(b, hosts, b.Trusted(), late.Add(settle/2))
	if err != nil || after.CA != b.CA {
		t.Errorf("a CA that has not settled signs (error %v)", err)
	}
	after, err = Rotate(b, hosts, b.Trusted(), late.Add(2*settle))
	if err != nil || after.CA != b.Next || !after.Leaf.signedBy(b.Next) {
		t.Errorf("a published and settled CA does not sign (error %v)", err)
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
	after, err := Rotate(b, hosts, b.Trusted(), epoch.Add(24*time.Hour))
	if err != nil || after.Leaf != b.Leaf || after.CA != b.CA || after.Next != nil {
		t.Errorf("something changed: %v", err)
	}
}

func TestBundleSurvivesTheSecret(t *testing.T) {
	b, _ := Rotate(Bundle{}, hosts, nil, epoch)
	late := epoch.Add(caLifetime - 24*time.Hour)
	b, _ = Rotate(b, hosts, b.Trusted(), late)
	b, _ = Rotate(b, hosts, b.Trusted(), late.Add(2*settle))
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
