package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// shrink brings the canary of every step down to the largest that is allowed.
func (a *applying) shrink(e Effective) {
	for _, most := range e.MaxReplicas {
		if len(a.plan.Steps) == 0 {
			a.shrinkTo(most, &a.plan.Replicas, nil, "replicas")
		}
		for i := range a.plan.Steps {
			step := &a.plan.Steps[i]
			a.shrinkTo(most, &step.Replicas, &step.Weight, fmt.Sprintf("steps[%d]", i))
		}
	}
}

// shrinkTo sets the number of pods where the share or the weight comes to more.
func (a *applying) shrinkTo(most Bound[intstr.IntOrString], replicas **intstr.IntOrString, weight **int32, path string) {
	allowed := Size(&most.Value, a.replicas)
	if weight != nil && *weight != nil {
		if Weighted(**weight, a.replicas, a.plan.Baseline != nil) > allowed {
			a.changed(most.Policy, path+".weight", fmt.Sprintf("%d%%", **weight), most.Value.String()+" replicas")
			value := most.Value
			*weight, *replicas = nil, &value
		}
		return
	}
	if Size(*replicas, a.replicas) <= allowed {
		return
	}
	if weight != nil {
		path += ".replicas"
	}
	a.changed(most.Policy, path, (*replicas).String(), most.Value.String())
	value := most.Value
	*replicas = &value
}

// maxSize is the largest canary there is.
const maxSize = 1000

// Size is how many canary pods a plan asks for beside a Deployment of so many
// replicas: a number as it stands, a share rounded up, at least one and at most
// a thousand.
func Size(wanted *intstr.IntOrString, replicas int32) int32 {
	if wanted == nil {
		return 1
	}
	n := int64(wanted.IntVal)
	if wanted.Type == intstr.String {
		percent, err := strconv.Atoi(strings.TrimSuffix(wanted.StrVal, "%"))
		if err != nil {
			return 1
		}
		n = int64(math.Ceil(float64(replicas) * float64(percent) / 100))
	}
	return int32(min(max(n, 1), maxSize))
}

// Weighted is the least number of canary pods that make up a share of all, in
// percent, beside a Deployment of so many replicas. A baseline is as large as the
// canary and has its share of requests too: of c canary pods beside d of the
// Deployment it is c/(d+c), or c/(d+2c).
func Weighted(weight, replicas int32, baseline bool) int32 {
	weight = min(max(weight, 1), 99)
	others := 100 - weight
	if baseline {
		others = max(others-weight, 1)
	}
	n := math.Ceil(float64(replicas) * float64(weight) / float64(others))
	return int32(min(max(n, 1), maxSize))
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
