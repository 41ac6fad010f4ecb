package certs

import "fmt"

// Keys of the Secret.
const (
	keyTrusted  = "ca.crt"
	keyCA       = "signing-ca.crt"
	keyCAKey    = "signing-ca.key"
	keyNext     = "next-ca.crt"
	keyNextKey  = "next-ca.key"
	keyLeaf     = "tls.crt"
	keyLeafKey  = "tls.key"
	keyRetired  = "retired-ca.crt"
	secretNotes = "self-managed by Holdfast; it is made anew when deleted"
)

// Encode is the data of the Secret.
func (b Bundle) Encode() (map[string][]byte, error) {
	data := map[string][]byte{keyTrusted: b.Trusted()}
	for _, part := range []struct {
		pair             *pair
		certificate, key string
	}{{b.CA, keyCA, keyCAKey}, {b.Next, keyNext, keyNextKey}, {b.Leaf, keyLeaf, keyLeafKey}} {
		if part.pair == nil {
			continue
		}
		key, err := encodeKey(part.pair.key)
		if err != nil {
			return nil, err
		}
		data[part.certificate], data[part.key] = encodeCertificate(part.pair.certificate), key
	}
	if len(b.Retired) > 0 {
		data[keyRetired] = encodeCertificates(b.Retired)
	}
	return data, nil
}

// Decode reads the data of the Secret. Parts that are not there are nil; a part
// that cannot be read is an error.
func Decode(data map[string][]byte) (Bundle, error) {
	var b Bundle
	var err error
	if b.CA, err = decodePair(data, keyCA, keyCAKey); err != nil {
		return Bundle{}, err
	}
	if b.Next, err = decodePair(data, keyNext, keyNextKey); err != nil {
		return Bundle{}, err
	}
	if b.Leaf, err = decodePair(data, keyLeaf, keyLeafKey); err != nil {
		return Bundle{}, err
	}
	if b.Retired, err = decodeCertificates(data[keyRetired]); err != nil {
		return Bundle{}, fmt.Errorf("%s: %w", keyRetired, err)
	}
	return b, nil
}
