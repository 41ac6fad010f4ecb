// Package size settles how many pods a canary has beside its Deployment.
//
// The package is pure.
package size

import (
	"math"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// maxSize is the largest canary there is.
const maxSize = 1000

// OfStep is how many canary pods a step has, baseline saying whether there is one.
func OfStep(s v1alpha1.Step, replicas int32, baseline bool) int32 {
	if s.PodShare != nil {
		return OfShare(*s.PodShare, replicas, baseline)
	}
	return Pods(s.Replicas, replicas)
}

// Pods is how many canary pods a plan asks for beside a Deployment of so many
// replicas: a number as it stands, a share rounded up, at least one and at most
// a thousand.
func Pods(wanted *intstr.IntOrString, replicas int32) int32 {
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

// OfShare is the least number of canary pods that make up a share of all, in
// percent, beside a Deployment of so many replicas. A baseline is as large as the
// canary and has its share of requests too: of c canary pods beside d of the
// Deployment it is c/(d+c), or c/(d+2c).
func OfShare(share, replicas int32, baseline bool) int32 {
	share = min(max(share, 1), 99)
	others := 100 - share
	if baseline {
		others = max(others-share, 1)
	}
	n := math.Ceil(float64(replicas) * float64(share) / float64(others))
	return int32(min(max(n, 1), maxSize))
}
