package hold

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Record is a held update as it stands in the annotation holdfast.dev/held of
// its Deployment.
type Record struct {
	// ID tells this hold from every other, also from an earlier one of the
	// same template: a release names it, so a late release of an ended hold
	// does nothing.
	ID string `json:"id"`
	// Run is the name of the CanaryRun that tries the template.
	Run string `json:"run"`
	// Hash is the hash that Template had when it was held. Marks of a restart may have come
	// to it since: to the run that tries it, it is the same.
	Hash Hash `json:"hash"`
	// Version is the hash without the marks that counted then (see Marks), "" where that is Hash.
	Version Hash `json:"version,omitempty"`
	// UID is the Deployment's. A record copied to another object does not open.
	UID types.UID `json:"uid"`
	// HeldAt is when the update was held, in UTC, to the second.
	HeldAt time.Time `json:"heldAt"`
	// Origin is which part of the request asked for the template.
	Origin Origin `json:"source"`
	// Manager and Operation are the field manager of the request that was held
	// and how it wrote, "Apply" (server-side) or "Update".
	Manager   string `json:"manager,omitempty"`
	Operation string `json:"operation,omitempty"`
	// Declared is the field manager that last sent a manifest of its own merging
	// (see package intent) for this template or one that it came from.
	Declared string `json:"declared,omitempty"`
	// Read is the ID of the hold whose record stood in the text that was sent, "" if
	// none did. A client may send one text twice (kubectl apply --server-side does, to
	// take over from a client-side apply), and its second sending asks for no more.
	Read string `json:"read,omitempty"`
	// User is who sent that request.
	User string `json:"user,omitempty"`
	// Template is the held template, as the API server sent it or as merged from that.
	Template Template `json:"template"`
	// Under is the held template without the image that an annotation asks for,
	// nil if Origin is OriginTemplate: what the pod template would be if nothing
	// were held.
	Under Template `json:"under,omitempty"`
	// Owners are who owns the fields of Template. The hold gives the object the
	// owners of the stable template back, the release puts these in.
	Owners []Owner `json:"owners,omitempty"`
	// LastApplied is the pod template of the manifest that was applied
	// client-side last, nil if there is none. The hold leaves that of the stable
	// template on the object, the release puts this one in.
	LastApplied Template `json:"lastApplied,omitempty"`
	// Next is a newer update, held while the run of this one is finished first; it is tried when
	// this hold has ended. Nil where nothing waits; it has no Next itself.
	Next *Record `json:"next,omitempty"`
	// Beside is what is held beside the template, nil where that is what stands on
	// the object.
	Beside *Beside `json:"beside,omitempty"`
}

// Outline is what a record says of its hold, without what is held. It is small, where a record may be
// megabytes.
type Outline struct {
	ID, Run       string
	Hash, Version Hash
	HeldAt        time.Time
	// Waiting says that a newer update waits behind it.
	Waiting bool
}

// Outline is the record without what is held.
func (r Record) Outline() Outline {
	return Outline{ID: r.ID, Run: r.Run, Hash: r.Hash, Version: r.Version, HeldAt: r.HeldAt, Waiting: r.Next != nil}
}

// Newest is what was held last: what the user wants.
func (r Record) Newest() Record {
	if r.Next != nil {
		return *r.Next
	}
	return r
}

// AsIf is the template that the Deployment would have if nothing were held.
func (r Record) AsIf() Template {
	if r.Under != nil {
		return r.Under
	}
	return r.Template
}

// Owner is the part of an entry of metadata.managedFields that lies below spec.template.
type Owner struct {
	Manager    string `json:"manager"`
	Operation  string `json:"operation"`
	APIVersion string `json:"apiVersion"`
	Time       string `json:"time,omitempty"`
	// Fields is the object below f:spec, f:template in FieldsV1 form.
	Fields map[string]any `json:"fields"`
}

// Origin is which part of a request asked for a held template.
type Origin string

const (
	// OriginTemplate: the pod template of the Deployment was changed.
	OriginTemplate Origin = "Template"
	// OriginImage: the annotation holdfast.dev/canary-image names an image.
	OriginImage Origin = "Image"
)

// ErrSeal is wrapped by the errors of Open for a record that Holdfast did not
// write for this Deployment: edited, copied from another object, or sealed with a lost key.
var ErrSeal = errors.New("the held record is not sealed by Holdfast for this Deployment")

// content is the large part of a record.
type content struct {
	Template    Template `json:"template"`
	Under       Template `json:"under,omitempty"`
	Owners      []Owner  `json:"owners,omitempty"`
	LastApplied Template `json:"lastApplied,omitempty"`
	Next        *Record  `json:"next,omitempty"`
	Beside      *Beside  `json:"beside,omitempty"`
}

// annotation is the outer form: a record whose content stands below "content"
// or, packed, below "packed", and the seal over everything else.
type annotation struct {
	Record
	Template    any             `json:"template,omitempty"` // these five shadow the record's
	Under       any             `json:"under,omitempty"`
	Owners      any             `json:"owners,omitempty"`
	LastApplied any             `json:"lastApplied,omitempty"`
	Next        any             `json:"next,omitempty"`
	Beside      any             `json:"beside,omitempty"`
	Content     json.RawMessage `json:"content,omitempty"`
	Packed      []byte          `json:"packed,omitempty"`
	Seal        []byte          `json:"seal,omitempty"`
}

// packAbove is the size in bytes from which content is packed. Below it the
// annotation stays readable for people.
const packAbove = 4 << 10

// maxContent is the largest content, in bytes of JSON, that Open unpacks: the
// API server takes no larger object.
const maxContent = 3 << 20

// Seal encodes a record and seals it with the key. The result is one line of JSON.
func (k Key) Seal(r Record) (string, error) {
	if r.Next != nil {
		next := *r.Next
		next.HeldAt, next.Next = next.HeldAt.UTC().Truncate(time.Second), nil
		r.Next = &next
	}
	content, err := json.Marshal(content{Template: r.Template, Under: r.Under, Owners: r.Owners, LastApplied: r.LastApplied, Next: r.Next, Beside: r.Beside})
	if err != nil {
		return "", fmt.Errorf("encode held template: %w", err)
	}
	out := annotation{Record: r}
	out.HeldAt = r.HeldAt.UTC().Truncate(time.Second)
	if len(content) > packAbove {
		if out.Packed, err = pack(content); err != nil {
			return "", err
		}
	} else {
		out.Content = content
	}
	if out.Seal, err = k.mac(out); err != nil {
		return "", err
	}
	encoded, err := json.Marshal(out)
	if err != nil {
		return "", fmt.Errorf("encode held record: %w", err)
	}
	return string(encoded), nil
}

// Open decodes the annotation of the Deployment with this UID. It fails,
// wrapping ErrSeal, on anything that Seal did not make for it, and never
// unpacks more than a few megabytes.
func (k Key) Open(encoded string, uid types.UID) (Record, error) {
	in, err := k.check(encoded, uid)
	if err != nil {
		return Record{}, err
	}
	return in.record()
}

// Sealed says whether Seal made the annotation for the Deployment with this UID,
// without unpacking it.
func (k Key) Sealed(encoded string, uid types.UID) bool {
	_, err := k.check(encoded, uid)
	return err == nil
}

func (k Key) check(encoded string, uid types.UID) (annotation, error) {
	var in annotation
	if err := json.Unmarshal([]byte(encoded), &in); err != nil {
		return in, fmt.Errorf("%w: %w", ErrSeal, err)
	}
	if err := k.verify(in); err != nil {
		return in, err
	}
	if in.UID != uid {
		return in, fmt.Errorf("%w: it belongs to the object with UID %q", ErrSeal, in.UID)
	}
	return in, nil
}
