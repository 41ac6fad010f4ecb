package route

import (
	"bytes"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
)

// Record is the overlay as it stands in the annotation holdfast.dev/overlay of a
// route: whose share it is, how large, and what the route is without it.
type Record struct {
	// UID is the route's. A record copied to another object does not open.
	UID types.UID `json:"uid"`
	// Run is the name of the CanaryRun that has the share.
	Run string `json:"run"`
	// Service and Canary are names of Services in the route's namespace.
	Service string `json:"service"`
	Canary  string `json:"canary"`
	// Parts are those of Service in which pods of the Deployment are.
	Parts []string `json:"parts,omitempty"`
	// Percent is the share, of copies where Mirror says so, and Match the headers of the requests that go to the
	// canary in any case.
	Percent int64    `json:"percent"`
	Mirror  bool     `json:"mirror,omitempty"`
	Match   []Header `json:"match,omitempty"`
	// Rules are those that the user asked for, nil where the route has none.
	Rules []any `json:"rules,omitempty"`
}

// Overlay is what the record lays over a route of this namespace.
func (r Record) Overlay(namespace string) Overlay {
	return Overlay{Namespace: namespace, Service: r.Service, Canary: r.Canary, Parts: r.Parts, Percent: r.Percent, Mirror: r.Mirror, Match: r.Match}
}

// MostAnnotations is the API server's limit for all annotations of an object together, keys and values, in
// bytes.
const MostAnnotations = 256 << 10

// Bytes are about how many all annotations of a route take with the record among them.
func (r Record) Bytes(annotations map[string]string) int {
	encoded, _ := Seal(make(hold.Key, hold.KeySize), r) // what it is read from was JSON
	n := len(v1alpha1.OverlayAnnotation) + len(encoded)
	for key, value := range annotations {
		if key != v1alpha1.OverlayAnnotation {
			n += len(key) + len(value)
		}
	}
	return n
}

// ErrSeal is wrapped by the errors of Open for a record that Holdfast did not write for
// this route: edited, copied from another object, or sealed with a lost key.
var ErrSeal = errors.New("the record of the overlay is not sealed by Holdfast for this route")

// sealPurpose keeps the MACs of these records from being mistaken for those of others.
const sealPurpose = "holdfast.dev/overlay/v1\n"

type sealed struct {
	Record json.RawMessage `json:"record"`
	Seal   []byte          `json:"seal"`
}

// Seal encodes a record and seals it with the key. The result is one line of JSON, the
// same for the same record.
func Seal(key hold.Key, r Record) (string, error) {
	content, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode record of the overlay: %w", err)
	}
	encoded, err := json.Marshal(sealed{Record: content, Seal: key.MAC(sealPurpose, content)})
	if err != nil {
		return "", fmt.Errorf("encode record of the overlay: %w", err)
	}
	return string(encoded), nil
}

// Open decodes the annotation of the route with this UID. It fails, wrapping ErrSeal, on
// anything that Seal did not make for it.
func Open(key hold.Key, encoded string, uid types.UID) (Record, error) {
	record, in, err := read(encoded)
	if err != nil {
		return Record{}, err
	}
	if !hmac.Equal(in.Seal, key.MAC(sealPurpose, in.Record)) {
		return Record{}, ErrSeal
	}
	if record.UID != uid {
		return Record{}, fmt.Errorf("%w: it belongs to the object with UID %q", ErrSeal, record.UID)
	}
	return record, nil
}

// ReadOf decodes the annotation of the route with this UID, whoever wrote it.
func ReadOf(encoded string, uid types.UID) (Record, error) {
	record, _, err := read(encoded)
	if err == nil && record.UID != uid {
		return Record{}, fmt.Errorf("%w: it belongs to the object with UID %q", ErrSeal, record.UID)
	}
	return record, err
}

// Read decodes an annotation that a user sends, whoever wrote it: it may say what the user's
// own text was made from, and nothing else.
func Read(encoded string) (Record, error) {
	record, _, err := read(encoded)
	return record, err
}

func read(encoded string) (Record, sealed, error) {
	var in sealed
	if err := json.Unmarshal([]byte(encoded), &in); err != nil {
		return Record{}, in, fmt.Errorf("%w: %w", ErrSeal, err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, in.Record); err != nil {
		return Record{}, in, fmt.Errorf("%w: %w", ErrSeal, err)
	}
	in.Record = compact.Bytes()
	var record Record
	if err := jsontree.Unmarshal(in.Record, &record); err != nil { // keeps whole numbers int64
		return Record{}, in, fmt.Errorf("%w: %w", ErrSeal, err)
	}
	return record, in, nil
}
