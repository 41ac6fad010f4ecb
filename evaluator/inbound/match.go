package inbound

import (
	"cmp"
	"slices"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
)

// watched is a run that an alert can fail, as far as alerts are matched with it.
type watched struct {
	namespace string
	// pods are the canary's own, those that are gone too.
	pods []string
	// by are the labels by which alerts name a pod where the run is judged.
	by query.Labels
	// criteria are the alerts that its plan watches for.
	criteria []criterion
}

// criterion is one metric of a plan that watches for alerts.
type criterion struct {
	about    v1alpha1.AlertsAbout
	matchers query.AlertMatchers
}

// isTried says whether an alert can fail a run: it has a canary, and no verdict yet.
func isTried(run *v1alpha1.CanaryRun) bool {
	s := &run.Status
	return !s.Phase.Ended() && s.Verdict == "" && s.CreatedAt != nil && s.Canary != nil && run.DeletionTimestamp == nil
}

// watch is a run that is tried, as alerts are matched with it.
func watch(run *v1alpha1.CanaryRun, metrics []v1alpha1.Metric, by query.Labels) watched {
	w := watched{namespace: run.Namespace, by: query.Labels{Namespace: cmp.Or(by.Namespace, "namespace"), Pod: cmp.Or(by.Pod, "pod")}}
	for _, p := range run.Status.Canary.Pods {
		w.pods = append(w.pods, p.Name)
	}
	for _, m := range metrics {
		if m.Alerts == nil {
			continue
		}
		matchers, err := query.ReadAlertMatchers(m.Alerts.Matchers)
		if err != nil { // it was checked when the plan was written; such a metric measures nothing either
			continue
		}
		w.criteria = append(w.criteria, criterion{cmp.Or(m.Alerts.About, v1alpha1.AlertsAboutPods), matchers})
	}
	return w
}

// fails says whether a firing alert is about the run. One of another namespace never is, whatever the plan's
// criteria say. Beyond that it counts
//
//   - if it names one of the canary's pods; where the plan watches for alerts about its pods, it must be one
//     of those;
//   - if a criterion of the plan is about any alert, and it has its labels.
func (w watched) fails(a alert) bool {
	namespace, said := a.Labels[w.by.Namespace]
	if said && namespace != w.namespace {
		return false
	}
	onPods, named := said && slices.Contains(w.pods, a.Labels[w.by.Pod]), false
	for _, c := range w.criteria {
		switch {
		case c.about == v1alpha1.AlertsAboutAny:
			if c.matchers.Match(a.Labels) {
				return true
			}
		case onPods && c.matchers.Match(a.Labels):
			return true
		default:
			named = true
		}
	}
	return onPods && !named
}
