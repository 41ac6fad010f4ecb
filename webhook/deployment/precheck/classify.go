package precheck

import (
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Meaning is what a dry run says about a template. The zero value is invalid.
type Meaning string

// The findings.
const (
	// Accepted: the API server would store the template.
	Accepted Meaning = "Accepted"
	// Refused: the API server, a policy or a webhook says no to the template.
	Refused Meaning = "Refused"
	// NotChecked: nobody has looked at the template, or somebody could not.
	NotChecked Meaning = "NotChecked"
)

// Meanings are all there are, for the labels of metrics.
var Meanings = []Meaning{Accepted, Refused, NotChecked}

// Asked is the dry-run update that an answer is for.
type Asked struct {
	// User is who sent it: Holdfast itself.
	User string
	// Namespace and Name are the Deployment's.
	Namespace, Name string
}

// Classify says what an error of a dry-run update means. The first of these
// that holds decides:
//
//  1. who is out of order, overloaded or too slow has not looked: 429 and 5xx,
//     also of a webhook;
//  2. a policy or a webhook that denies the request refuses the template,
//     whatever code it chose;
//  3. a webhook without dry runs was not asked;
//  4. a user who may not update Deployments was stopped before anybody looked;
//  5. what is invalid, cannot be decoded, or is forbidden by another admission
//     plugin is refused;
//  6. anything else (the Deployment has changed or is gone) says nothing about
//     the template.
func Classify(err *apierrors.StatusError, asked Asked) Meaning {
	status := err.ErrStatus
	switch {
	case status.Code == tooManyRequests || status.Code >= serverError:
		return NotChecked
	case denied.MatchString(status.Message):
		return Refused
	case noDryRun.MatchString(status.Message), asked.notPermitted(status):
		return NotChecked
	}
	switch status.Code {
	case invalid, badRequest, forbidden:
		return Refused
	}
	return NotChecked
}

// The codes of HTTP that are told apart.
const (
	badRequest      = 400
	forbidden       = 403
	invalid         = 422
	tooManyRequests = 429
	serverError     = 500 // and beyond
)

// How the API server begins what webhooks and policies say (apiserver 1.36,
// admission/plugin/webhook/errors and admission/plugin/policy/validating).
var (
	denied   = regexp.MustCompile(`^(admission webhook ".*" denied the request|.* is forbidden: ValidatingAdmissionPolicy '.*' with binding '.*' denied request)`)
	noDryRun = regexp.MustCompile(`^admission webhook ".*" does not support dry run$`)
)

// notPermitted recognises a refusal of the authorizer. Admission plugins
// answer with the same code and reason, and webhooks and policies may say what
// they like: but not from the beginning of the message, which is the API
// server's, and the whole of it is known here.
func (a Asked) notPermitted(status metav1.Status) bool {
	return status.Code == forbidden && strings.HasPrefix(status.Message, fmt.Sprintf(
		`deployments.apps %q is forbidden: User %q cannot update resource "deployments" in API group "apps" in the namespace %q`,
		a.Name, a.User, a.Namespace))
}
