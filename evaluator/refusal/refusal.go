// Package refusal tells what the API server means when it refuses a request.
package refusal

import (
	"errors"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// noPermission is how the API server says that RBAC does not allow a request;
// an admission plugin that refuses one says it in other words.
var noPermission = regexp.MustCompile(`User ".*" cannot [a-z]+ resource`)

// Final says whether an error is the API server's last word on a request, and
// gives its message. Not having a permission is not: that is a mistake of the
// installation, no fault of the update. Neither is a quota, which may free up,
// nor a namespace that is being deleted.
func Final(err error) (string, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "", false
	}
	message := status.Status().Message
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "", false
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return message, true
	case apierrors.IsForbidden(err):
		_, full := ByQuota(err)
		return message, !full && !noPermission.MatchString(message)
	}
	return "", false
}

// Now says whether an error is the API server's answer to what a request
// asks for, and gives its message.
func Now(err error) (string, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return "", false
	}
	refused := apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsRequestEntityTooLargeError(err)
	return status.Status().Message, refused
}

// ByQuota says whether the API server refuses a request because of a
// ResourceQuota, and gives its message.
func ByQuota(err error) (string, bool) {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsForbidden(err) {
		return "", false
	}
	message := status.Status().Message
	return message, strings.Contains(message, "exceeded quota")
}
