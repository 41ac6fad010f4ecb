package deployment

import (
	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/workload"
)

// holds are the updates of a Deployment that are held.
type holds struct {
	first  *hold.Record // of the update whose run is finished before what is held, nil where there is none
	record *hold.Record // of the one that was asked for last, nil without a hold
}

// holdsOn opens the record on a Deployment. One that does not open is no hold; the evaluator says so and
// clears it.
func holdsOn(d workload.Deployment, key hold.Key) holds {
	encoded := d.Annotation(v1alpha1.HeldAnnotation)
	if encoded == "" {
		return holds{}
	}
	record, err := key.Open(encoded, d.UID())
	if err != nil {
		return holds{}
	}
	newest := record.Newest()
	out := holds{record: &newest}
	if record.Next != nil {
		out.first = &record
	}
	return out
}

// onTrial is the record of the update that is under way, nil if there is none.
func (h holds) onTrial() *hold.Record {
	if h.first != nil {
		return h.first
	}
	return h.record
}

// returns says whether the update that is under way, while a newer one waits, is one that is asked for.
func (h holds) returns(asked hold.Hash, origin hold.Origin, marks hold.Marks) bool {
	if h.first == nil {
		return false
	}
	version, err := marks.Version(h.first.Template)
	return err == nil && version == asked && h.first.Origin == origin
}

// queued is a record with that of the update before it, whose run is finished first: the one that is
// so already or, where this is another hold, the one that is held.
func (h holds) queued(record hold.Record) hold.Record {
	first := h.onTrial()
	if first == nil || first.ID == record.ID {
		return record
	}
	out := *first
	out.Next = &record
	return out
}
