package play

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// status is what the runs of a lane say, for people.
func (l *Lane) status(ctx context.Context) string {
	var runs v1alpha1.CanaryRunList
	if err := l.stage.client.List(ctx, &runs, client.InNamespace(l.namespaces.Laid)); err != nil {
		return err.Error()
	}
	out := ""
	for _, r := range runs.Items {
		if !r.Status.Phase.Ended() || r.Status.Weight != nil {
			out += fmt.Sprintf("run %s is %s (%s): %s; its share: %+v\n", r.Name, r.Status.Phase, r.Status.Reason, r.Status.Message, r.Status.Weight)
		}
	}
	return out
}
