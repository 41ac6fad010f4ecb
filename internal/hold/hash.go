package hold

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"

	"holdfast.dev/holdfast/internal/jsontree"
)

// Template is a pod template as the API server sends it: the JSON object below
// spec.template of a Deployment. Holders treat it as read-only.
type Template = map[string]any

// Hash tells pod templates apart: 32 characters of lower-case base32, the
// first 160 bits of a SHA-256. Two templates have one hash if the API server
// would run the same pods for both: key order, values that are the API's
// defaults and the time of a restart (restartedAt) do not count.
type Hash string

// Short is the part of a hash that stands in names of objects.
func (h Hash) Short() string { return string(h[:min(10, len(h))]) }

var hashEncoding = base32.NewEncoding("bcdfghjklmnpqrstvwxz2456789aeiou").WithPadding(base32.NoPadding)

// HashOf returns the hash of a template.
func HashOf(t Template) (Hash, error) {
	return hashOfCanonical(Canonical(t))
}

func hashOfCanonical(t Template) (Hash, error) {
	sum := sha256.New()
	if err := jsontree.Write(sum, t); err != nil {
		return "", fmt.Errorf("hash pod template: %w", err)
	}
	return Hash(hashEncoding.EncodeToString(sum.Sum(nil)[:20])), nil
}
