package policy

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/size"
)

// MostPods is the largest canary that is allowed beside a Deployment of so many replicas; 0
// is no limit.
func (e Effective) MostPods(replicas int32) int32 {
	var least int32
	for _, most := range e.MaxReplicas {
		if n := size.Pods(&most.Value, replicas); least == 0 || n < least {
			least = n
		}
	}
	return least
}

// shrink brings the canary of every step down to the largest that is allowed.
func (a *applying) shrink(e Effective) {
	for _, most := range e.MaxReplicas {
		a.shrinkAutoscaler(most)
		if len(a.plan.Steps) == 0 {
			a.shrinkTo(most, &a.plan.Replicas, nil, "replicas")
		}
		for i := range a.plan.Steps {
			step := &a.plan.Steps[i]
			a.shrinkTo(most, &step.Replicas, &step.PodShare, fmt.Sprintf("steps[%d]", i))
		}
	}
}

// shrinkTo sets the number of pods where it comes to more.
func (a *applying) shrinkTo(most Bound[intstr.IntOrString], replicas **intstr.IntOrString, podShare **int32, path string) {
	allowed := size.Pods(&most.Value, a.replicas)
	if podShare != nil && *podShare != nil {
		if size.OfShare(**podShare, a.replicas, a.plan.Baseline != nil) > allowed {
			a.changed(most.Policy, path+".podShare", fmt.Sprintf("%d%%", **podShare), most.Value.String()+" replicas")
			value := most.Value
			*podShare, *replicas = nil, &value
		}
		return
	}
	if size.Pods(*replicas, a.replicas) <= allowed {
		return
	}
	if podShare != nil {
		path += ".replicas"
	}
	a.changed(most.Policy, path, (*replicas).String(), most.Value.String())
	value := most.Value
	*replicas = &value
}

// numbered is a name with a number behind it, within the length of names.
func numbered(name string, n int) string {
	suffix := "-" + strconv.Itoa(n)
	return strings.TrimRight(name[:min(len(name), 63-len(suffix))], "-") + suffix
}

// windowText names a window as windows do in messages of runs.
func windowText(w v1alpha1.FreezeWindow) string {
	if w.From != nil && w.To != nil {
		return w.From.UTC().Format(time.RFC3339) + " to " + w.To.UTC().Format(time.RFC3339)
	}
	return w.Start + " to " + w.End + " " + w.TimeZone
}

// sameWindow: two windows freeze the same time. A zone that is not said is UTC.
func sameWindow(a, b v1alpha1.FreezeWindow) bool { return windowText(inUTC(a)) == windowText(inUTC(b)) }

func inUTC(w v1alpha1.FreezeWindow) v1alpha1.FreezeWindow {
	if w.TimeZone == "" {
		w.TimeZone = "UTC"
	}
	return w
}
