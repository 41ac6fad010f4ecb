package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// maxLabelValue is the API's limit for a label value, in bytes.
	maxLabelValue = 63
	// maxRunName leaves room for the suffix of a pod's name: the API cuts a
	// generateName at 58 bytes, and a cut name could no longer be matched.
	maxRunName = 57
	// clipHash is how many hex digits stand for the part of a name that was cut.
	clipHash = 8
	// maxKeyName is the API's limit for what follows the slash in a key, in bytes.
	maxKeyName = 63
	// keyHash is how many hex digits tell long names apart where somebody may
	// want two of them to be taken for one.
	keyHash = 32
)

// RunName is the name of the attempt-th run (from 1) of a template hash beside
// a Deployment: <deployment>-<first 10 of hash>, from the second attempt on
// with -<attempt> behind it. Long Deployment names are cut and told apart by a hash.
func RunName(deployment, hash string, attempt int) string {
	suffix := "-" + hash[:min(10, len(hash))]
	if attempt > 1 {
		suffix += fmt.Sprintf("-%d", attempt)
	}
	return clip(deployment, maxRunName-len(suffix)) + suffix
}

// CanaryName is the name of the canary's ReplicaSet in an attempt (from 1) of a
// run: the run's own, and from the second attempt on one that its pods and those
// of the attempt before do not share.
func CanaryName(run string, attempt int32) string { return setName(run, attempt, "") }

// BaselineName is the name of the ReplicaSet of the baseline.
func BaselineName(run string, attempt int32) string { return setName(run, attempt, "-baseline") }

func setName(run string, attempt int32, suffix string) string {
	if attempt > 1 {
		suffix = fmt.Sprintf("-r%d%s", attempt, suffix)
	}
	return clip(run, maxRunName-len(suffix)) + suffix
}

// LabelValue makes a name fit for a label value: names of up to 63 bytes stand
// as they are, longer ones are cut and told apart by a hash.
func LabelValue(name string) string {
	return clip(name, maxLabelValue)
}

// DeletedAnnotation is the key under which a namespace remembers that a
// Deployment was deleted. Names of up to 63 bytes stand as they are. Longer ones
// are cut and told apart by a hash behind an underscore, which no Deployment has
// in its name: no two of them share a key.
func DeletedAnnotation(deployment string) string {
	if len(deployment) <= maxKeyName {
		return DeletedAnnotationPrefix + deployment
	}
	sum := sha256.Sum256([]byte(deployment))
	return DeletedAnnotationPrefix + deployment[:maxKeyName-keyHash-1] + "_" + hex.EncodeToString(sum[:])[:keyHash]
}

func clip(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	head := strings.TrimRight(name[:limit-clipHash-1], "-.")
	return head + "-" + hex.EncodeToString(sum[:])[:clipHash]
}
