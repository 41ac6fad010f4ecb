package hold

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// maxRejections is how many rejected templates a Deployment remembers.
const maxRejections = 10

// Rejection is one template that is not to be tried again: it failed its run, or
// it passed a run that was not to release it.
type Rejection struct {
	// Hash is the template's.
	Hash Hash `json:"hash"`
	// Version is that of its record, "" where that is Hash: what differs from it in marks of
	// a restart alone was rejected with it.
	Version Hash `json:"version,omitempty"`
	// UID is that of the Deployment on which it was tried. A copy of the Deployment
	// has tried nothing. One without (of Holdfast before it wrote any) counts where it stands.
	UID types.UID `json:"uid,omitempty"`
	// Run is the name of the CanaryRun that rejected it.
	Run string `json:"run"`
	// At is when, in UTC, to the second.
	At time.Time `json:"at"`
	// Reason is the run's reason, one word; Message says why for people.
	Reason  string `json:"reason"`
	Message string `json:"message,omitempty"`
	// Passed says that the run was a dry run, and good.
	Passed bool `json:"passed,omitempty"`
}

// Rejected is the memory of rejected templates, oldest first, as it stands in
// the annotation holdfast.dev/rejected.
type Rejected []Rejection

// ParseRejected reads the annotation of the Deployment with this UID; an empty
// one is an empty memory. What it has of other Deployments, because it was copied
// from there, is left out.
func ParseRejected(encoded string, uid types.UID) (Rejected, error) {
	all, err := parseRejected(encoded)
	return slices.DeleteFunc(all, func(r Rejection) bool { return r.elsewhere(uid) }), err
}

// RejectedElsewhere says whether the annotation of the Deployment with this UID
// has rejections of others.
func RejectedElsewhere(encoded string, uid types.UID) bool {
	all, err := parseRejected(encoded)
	return err == nil && slices.ContainsFunc(all, func(r Rejection) bool { return r.elsewhere(uid) })
}

func (r Rejection) elsewhere(uid types.UID) bool { return r.UID != "" && r.UID != uid }

func parseRejected(encoded string) (Rejected, error) {
	if encoded == "" {
		return nil, nil
	}
	var r Rejected
	if err := json.Unmarshal([]byte(encoded), &r); err != nil {
		return nil, fmt.Errorf("decode memory of rejected templates: %w", err)
	}
	return r, nil
}

// Find returns the rejection of a template, by its hash or by its version.
func (r Rejected) Find(hash, version Hash) (Rejection, bool) {
	for _, rejection := range r {
		if rejection.Hash == hash || version != "" && (rejection.Version == version || rejection.Hash == version) {
			return rejection, true
		}
	}
	return Rejection{}, false
}

// With returns the memory with one more rejection, in place of an earlier one
// of the same template; the oldest are forgotten beyond ten.
func (r Rejected) With(rejection Rejection) Rejected {
	out := append(r.Without(rejection.Hash), rejection)
	return out[max(0, len(out)-maxRejections):]
}

// Without returns the memory without the rejection of a template.
func (r Rejected) Without(h Hash) Rejected {
	var out Rejected
	for _, rejection := range r {
		if rejection.Hash != h {
			out = append(out, rejection)
		}
	}
	return out
}

// Encode returns the annotation, one line of JSON; that of an empty memory is "".
func (r Rejected) Encode() (string, error) {
	if len(r) == 0 {
		return "", nil
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("encode memory of rejected templates: %w", err)
	}
	return string(encoded), nil
}
