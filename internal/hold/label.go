package hold

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Label is what a held record says of itself to who does not have the key. It may
// be of another Deployment or cluster, or forged: it is for telling people, and
// for telling a record that belongs to another object.
type Label struct {
	Run    string    `json:"run"`
	Hash   Hash      `json:"hash"`
	UID    types.UID `json:"uid"`
	HeldAt time.Time `json:"heldAt"`
}

// ReadLabel reads the label of an encoded record. It fails on what is no record.
func ReadLabel(encoded string) (Label, error) {
	var l Label
	if err := json.Unmarshal([]byte(encoded), &l); err != nil {
		return Label{}, fmt.Errorf("read the label of a held record: %w", err)
	}
	if l.Run == "" || l.UID == "" {
		return Label{}, fmt.Errorf("read the label of a held record: it names no run or no UID")
	}
	return l, nil
}
