package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/fields"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// runLimit is how long a run of the demo may take before the story is given up.
const runLimit = 3 * time.Minute

// follow shows a run live until it ends, which must be in the phase wanted.
func (s *story) follow(ctx context.Context, name string, want v1alpha1.Phase) error {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	w, err := s.client.Watch(ctx, &v1alpha1.CanaryRunList{}, client.InNamespace(s.namespace),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", name)})
	if err != nil {
		return fmt.Errorf("watch run %s: %w", name, err)
	}
	defer w.Stop()
	var before v1alpha1.CanaryRunStatus
	for event := range w.ResultChan() {
		run, ok := event.Object.(*v1alpha1.CanaryRun)
		if !ok {
			return fmt.Errorf("watch run %s: %v", name, event.Object)
		}
		s.show(name, before, run.Status)
		before = run.Status
		if run.Status.Phase.Ended() {
			if run.Status.Phase != want {
				return fmt.Errorf("run %s is %s (%s), want %s", name, run.Status.Phase, run.Status.Message, want)
			}
			return nil
		}
	}
	return errors.Join(fmt.Errorf("run %s is still %s", name, before.Phase), ctx.Err())
}

// show prints what is new in the status of a run.
func (s *story) show(name string, before, after v1alpha1.CanaryRunStatus) {
	if after.Phase != before.Phase && after.Phase != "" {
		s.say("%s %s: %s", name, after.Phase, after.Message)
		s.remember(fmt.Sprintf("%s %s", name, after.Phase))
	}
	if after.Measured == before.Measured {
		return
	}
	for _, metric := range after.Metrics {
		if n := len(metric.Last); n > 0 && metric.Name != "pods" {
			m := metric.Last[n-1]
			s.say("  %-10s %-8s in %-10s %s", metric.Name, short(m.Value), m.Range, strings.ToLower(string(m.Outcome)))
		}
	}
}

// short cuts a number to what fits into a column.
func short(value string) string {
	return value[:min(len(value), 7)]
}
