package analysis

import (
	"fmt"
	"slices"
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// Alerts: no alert that the matchers select fires. Prometheus keeps a series of
// each alert while it fires and none afterwards, so here, and only here, an
// answer without series is good.

func judgeAlerts(m *v1alpha1.Measurement, firing []Series) {
	m.Value = fmt.Sprint(len(firing))
	if len(firing) == 0 {
		m.Outcome, m.Reason, m.Message = v1alpha1.OutcomePassed, v1alpha1.MeasuredNoAlert, "no alert fires"
		return
	}
	names := make([]string, len(firing))
	for i, s := range firing {
		names[i] = s.Labels
		if name := s.Metric["alertname"]; name != "" {
			names[i] = name + " " + strings.TrimPrefix(s.Labels, "ALERTS")
		}
	}
	slices.Sort(names)
	m.Outcome, m.Reason = v1alpha1.OutcomeFailed, v1alpha1.MeasuredAlertFiring
	m.Message = "1 alert fires: " + names[0]
	if len(names) > 1 {
		m.Message = fmt.Sprintf("%d alerts fire: %s", len(names), strings.Join(names, "; "))
	}
}
