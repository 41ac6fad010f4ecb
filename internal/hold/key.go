package hold

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Key seals held records, by HMAC-SHA-256. It is made at install and kept in a
// Secret of Holdfast's own namespace.
type Key []byte

// NewKey makes a key from the system's random source.
func NewKey() Key {
	k := make(Key, KeySize)
	_, _ = rand.Read(k) // never fails (crypto/rand)
	return k
}

// ParseKey checks the length of a key read from a Secret.
func ParseKey(data []byte) (Key, error) {
	if len(data) != KeySize {
		return nil, fmt.Errorf("sealing key: want %d bytes, got %d", KeySize, len(data))
	}
	return Key(data), nil
}

// sealPurpose keeps the key's MACs from being mistaken for those of another use.
const sealPurpose = "holdfast.dev/held/v1\n"

func (k Key) mac(a annotation) ([]byte, error) {
	a.Seal = nil
	sealed, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("seal held record: %w", err)
	}
	return k.MAC(sealPurpose, sealed), nil
}

// MAC is the seal of a content: HMAC-SHA-256 over a purpose and the content. Purposes end in
// a line break and are no beginning of each other, so that what is sealed for one counts for no other.
func (k Key) MAC(purpose string, content []byte) []byte {
	h := hmac.New(sha256.New, k)
	h.Write([]byte(purpose))
	h.Write(content)
	return h.Sum(nil)
}

func (k Key) verify(a annotation) error {
	want, err := k.mac(a)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSeal, err)
	}
	if !hmac.Equal(want, a.Seal) {
		return ErrSeal
	}
	return nil
}
