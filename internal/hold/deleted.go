package hold

import (
	"fmt"
	"strings"
	"time"
)

// Deleted says which template a Deployment ran when its deletion was asked for,
// and when it went: finalizers may have kept it. It stands in an annotation of the namespace.
type Deleted struct {
	Hash Hash
	At   time.Time
}

// String is how it is stored.
func (d Deleted) String() string { return string(d.Hash) + " " + d.At.UTC().Format(time.RFC3339) }

// ParseDeleted reads what String writes.
func ParseDeleted(text string) (Deleted, error) {
	hash, at, _ := strings.Cut(text, " ")
	when, err := time.Parse(time.RFC3339, at)
	if err != nil || hash == "" {
		return Deleted{}, fmt.Errorf("memory of a deletion %.80q: want a hash and a time", text)
	}
	return Deleted{Hash(hash), when}, nil
}
