package canary

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clockSkew is how far the clocks of two API servers may differ.
const clockSkew = time.Minute

var podSuffix = regexp.MustCompile(`^[a-z0-9]+$`)

// WhyNotMade says why a pod that a ReplicaSet controls is not one that it made, but one
// that it has adopted; "" if it may have made it. Who can write pods can make one that
// looks as if: what tells for sure is its spec (see Alterations).
func WhyNotMade(replicaSet, pod metav1.Object) string {
	switch {
	case pod.GetGenerateName() != replicaSet.GetName()+"-", !named(replicaSet.GetName(), pod.GetName()):
		return fmt.Sprintf("ReplicaSet %s has adopted it and not made it: it is not named as its pods are", replicaSet.GetName())
	case pod.GetCreationTimestamp().Add(clockSkew).Before(replicaSet.GetCreationTimestamp().Time):
		return fmt.Sprintf("ReplicaSet %s has adopted it and not made it: it is older", replicaSet.GetName())
	}
	return ""
}

// named says whether a pod is named as those that a ReplicaSet makes.
func named(replicaSet, pod string) bool {
	suffix, ok := strings.CutPrefix(pod, replicaSet+"-")
	return ok && podSuffix.MatchString(suffix)
}
