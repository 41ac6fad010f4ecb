package evaluator

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
)

// openRecord opens the held record of a Deployment; nil without one.
func (r *reader) openRecord(d deployment) (*hold.Record, error) {
	encoded := d.annotation(v1alpha1.HeldAnnotation)
	if encoded == "" {
		return nil, nil
	}
	record, err := r.key.Open(encoded, d.GetUID())
	if err != nil {
		return nil, fmt.Errorf("open the held record: %w", err)
	}
	return &record, nil
}

// nextRecord is the record of the update that waits behind another, as the webhook would have
// written it had nothing been held before it; nil where none waits.
func (r *reader) nextRecord(record *hold.Record) (any, error) {
	if record == nil || record.Next == nil {
		return nil, nil
	}
	return r.key.Seal(*record.Next)
}

// giveWay ends a hold for the update that waits behind it.
func (r *reader) giveWay(ctx context.Context, writer client.Writer, d deployment, record *hold.Record) error {
	next, err := r.nextRecord(record)
	if err != nil {
		return err
	}
	if next == nil {
		return fmt.Errorf("%w: no update waits", errStale)
	}
	return annotate(ctx, writer, d, map[string]any{v1alpha1.HeldAnnotation: next})
}

// ofAnother is what the held record of a Deployment says of itself if it is that
// of another one; nil otherwise.
func (d deployment) ofAnother() *hold.Label {
	label, err := hold.ReadLabel(d.annotation(v1alpha1.HeldAnnotation))
	if err != nil || label.UID == d.GetUID() {
		return nil
	}
	return &label
}
