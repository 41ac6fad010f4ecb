package guard

import (
	"strings"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// IsOwnKey says whether a key of an annotation or label is one of Holdfast's, those
// that people write included: its domain is Holdfast's or one below it, such as that
// of metric.holdfast.dev/errors. A domain that only ends like it, or a name without a
// domain, is somebody else's.
//
// The match conditions in manifests/base/webhook.yaml look for the domain anywhere in
// a key. They only choose what is sent here, and may choose too much.
func IsOwnKey(key string) bool {
	domain, _, found := strings.Cut(key, "/")
	return found && (domain+"/" == v1alpha1.Prefix || strings.HasSuffix(domain+"/", "."+v1alpha1.Prefix))
}
