package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newCA(now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of CA: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "holdfast webhook CA"},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(caLifetime),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return sign(template, template, key, key)
}

// issue makes a serving certificate for these host names.
func (p *pair) issue(hosts []string, now time.Time) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key of serving certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: hosts[0]},
		DNSNames:     hosts,
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     earlier(now.Add(leafLifetime), p.certificate.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	return sign(template, p.certificate, key, p.key)
}

func sign(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) (*pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		return nil, fmt.Errorf("sign certificate %q: %w", template.Subject.CommonName, err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse certificate %q: %w", template.Subject.CommonName, err)
	}
	return &pair{certificate, key}, nil
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n
}

// due says that a third of the lifetime or less is left.
func (p *pair) due(now time.Time) bool {
	lifetime := p.certificate.NotAfter.Sub(p.certificate.NotBefore)
	return !now.Before(p.certificate.NotAfter.Add(-lifetime / 3))
}

func (p *pair) expired(now time.Time) bool { return !now.Before(p.certificate.NotAfter) }

func (p *pair) signedBy(ca *pair) bool {
	return p.certificate.CheckSignatureFrom(ca.certificate) == nil
}

func (p *pair) serves(hosts []string) bool {
	for _, host := range hosts {
		if p.certificate.VerifyHostname(host) != nil {
			return false
		}
	}
	return true
}

func encodeCertificate(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func encodeCertificates(certificates []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certificates {
		out = append(out, encodeCertificate(c)...)
	}
	return out
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

func decodePair(data map[string][]byte, certificateKey, keyKey string) (*pair, error) {
	if len(data[certificateKey]) == 0 {
		return nil, nil
	}
	certificates, err := decodeCertificates(data[certificateKey])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certificateKey, err)
	}
	block, _ := pem.Decode(data[keyKey])
	if len(certificates) == 0 || block == nil {
		return nil, fmt.Errorf("%s, %s: no PEM of a certificate and its key", certificateKey, keyKey)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyKey, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || !private.PublicKey.Equal(certificates[0].PublicKey) {
		return nil, fmt.Errorf("%s: %w", keyKey, errors.New("not the ECDSA key of the certificate"))
	}
	return &pair{certificates[0], private}, nil
}

func decodeCertificates(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate: %w", err)
		}
		out = append(out, certificate)
	}
	return out, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
