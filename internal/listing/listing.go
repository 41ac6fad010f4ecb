// Package listing reads lists of the API server one object at a time.
//
// A list of whole objects takes as much memory as whoever may make such objects
// likes: the API server takes 1.5 MiB of each, and as many as it has room for. It
// gives no list in parts that it answers from its cache (it leaves limit out where
// resourceVersion is 0), nor one that is small in bytes. So the answer is read as it
// comes, and what is not wanted is gone when the next object is read.
package listing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	kjson "sigs.k8s.io/json"
)

// Lister reads objects of the API server, and lists of them one at a time.
type Lister interface {
	client.Reader
	// Each calls visit with the JSON of each object, which is good until visit
	// returns. It ends with the first error of visit. An error may come after some
	// objects, for the list is not there whole before it is read.
	Each(ctx context.Context, q Query, visit func(object []byte) error) error
}

// ErrTooMuch is wrapped by the error of a list that is longer than Query.Most, or
// takes longer than Query.Until.
var ErrTooMuch = errors.New("the list is too long to be read; delete what is needed no more")

// Query says what to list.
type Query struct {
	// Kind is that of the objects.
	Kind schema.GroupVersionKind
	// Namespace has the objects; "" is all namespaces.
	Namespace string
	// Selector is matched by the labels of the objects; nil selects all.
	Selector labels.Selector
	// MetadataOnly leaves out all but the metadata.
	MetadataOnly bool
	// Cached lets the API server answer from its cache, whatever its age.
	Cached bool
	// Most is how many bytes of JSON are read; 0 is DefaultMost, NoLimit all.
	Most int64
	// Until is up to when the list is read, from when it begins to come; zero is as
	// long as it takes. An API server that does not answer is waited for as ctx says.
	Until time.Time
}

// How much of a list is read at most, in bytes. A list beyond DefaultMost takes a
// second to read: no one has so many objects of one Deployment by accident.
const (
	DefaultMost = 64 << 20
	NoLimit     = -1
)

func (q Query) most() int64 {
	if q.Most == 0 {
		return DefaultMost
	}
	return q.Most
}

// Decode decodes the fields of an object that T has, by the names that they have in
// JSON, case-sensitive.
func Decode[T any](object []byte) (T, error) {
	var out T
	if err := kjson.UnmarshalCaseSensitivePreserveInts(object, &out); err != nil {
		return out, fmt.Errorf("decode an object of the list: %w", err)
	}
	return out, nil
}
