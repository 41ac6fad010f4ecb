package objects

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/labels"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/listing"
)

// AutoscalersOf reads the HorizontalPodAutoscalers that bear the label of a run from the API server itself.
func (r *Reader) AutoscalersOf(ctx context.Context, namespace, run string) ([]autoscalingv2.HorizontalPodAutoscaler, error) {
	var out []autoscalingv2.HorizontalPodAutoscaler
	err := r.Live.Each(ctx, listing.Query{
		Kind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"), Namespace: namespace,
		Selector: labels.SelectorFromSet(labels.Set{v1alpha1.RunLabel: v1alpha1.LabelValue(run)}),
	}, func(object []byte) error {
		hpa, err := listing.Decode[autoscalingv2.HorizontalPodAutoscaler](object)
		if err == nil {
			out = append(out, hpa)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list HorizontalPodAutoscalers of run %q: %w", run, err)
	}
	return out, nil
}
