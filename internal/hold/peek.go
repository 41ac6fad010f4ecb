package hold

import (
	"encoding/json"
	"fmt"

	"holdfast.dev/holdfast/internal/jsontree"
)

// Peek decodes a record for who does not have the key, to show it to people. Nobody has checked that Holdfast
// wrote it, or for which Deployment: nothing must be done because of what it says. As Open does, it never
// unpacks more than a few megabytes.
func Peek(encoded string) (Record, error) {
	if _, err := ReadLabel(encoded); err != nil {
		return Record{}, err
	}
	var in annotation
	if err := json.Unmarshal([]byte(encoded), &in); err != nil {
		return Record{}, fmt.Errorf("decode held record: %w", err)
	}
	return in.record()
}

// record decodes the content of an annotation.
func (in annotation) record() (Record, error) {
	data := []byte(in.Content)
	if len(in.Packed) > 0 {
		var err error
		if data, err = unpack(in.Packed, maxContent); err != nil {
			return Record{}, err
		}
	}
	var c content
	if err := jsontree.Unmarshal(data, &c); err != nil { // keeps whole numbers int64
		return Record{}, fmt.Errorf("decode held template: %w", err)
	}
	r := in.Record
	r.Template, r.Under, r.Owners, r.LastApplied, r.Next, r.Beside = c.Template, c.Under, c.Owners, c.LastApplied, c.Next, c.Beside
	return r, nil
}
