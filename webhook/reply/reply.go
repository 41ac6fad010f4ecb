// Package reply is what the entries of the webhook say to people: refusals and
// warnings, made fit to be shown.
package reply

import (
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/internal/plaintext"
)

// Refusal is an error that is the user's to mend.
type Refusal struct {
	// Message says what to mend.
	Message string
	// Status is what the API server said, if it is its refusal, or else the reason and
	// code to refuse with; nil for those of an invalid object.
	Status *metav1.Status
}

// Error implements error.
func (r Refusal) Error() string { return r.Message }

// Refuse makes a Refusal.
func Refuse(format string, args ...any) error {
	return Refusal{Message: fmt.Sprintf(format, args...)}
}

// RefuseAll refuses where there is a mistake.
func RefuseAll(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	return Refusal{Message: errs.ToAggregate().Error()}
}

// maxRefusal is the longest that is said of a refusal, in bytes.
const maxRefusal = 16 << 10

// Denied tells the user what to mend.
func Denied(r Refusal) admission.Response {
	resp := admission.Denied(plaintext.Block(r.Message, maxRefusal))
	resp.Result.Code = http.StatusUnprocessableEntity
	if r.Status != nil {
		resp.Result.Reason, resp.Result.Code, resp.Result.Details = r.Status.Reason, r.Status.Code, r.Status.Details
	}
	return resp
}

// Invalid refuses with one cause for each mistake, as the API server does.
func Invalid(errs field.ErrorList) admission.Response {
	resp := admission.Denied(plaintext.Block(errs.ToAggregate().Error(), maxRefusal))
	resp.Result.Code = http.StatusUnprocessableEntity
	resp.Result.Reason = metav1.StatusReasonInvalid
	resp.Result.Details = &metav1.StatusDetails{}
	for _, err := range errs {
		resp.Result.Details.Causes = append(resp.Result.Details.Causes, metav1.StatusCause{
			Type: metav1.CauseType(err.Type), Field: err.Field, Message: plaintext.Block(err.ErrorBody(), maxRefusal),
		})
	}
	return resp
}

// Warning is a text as a warning of Holdfast's. The API server passes 4096 characters
// on, all warnings of a request together, and drops one with a control character.
func Warning(text string) string {
	const limit = 1024
	return "holdfast: " + plaintext.Line(text, limit)
}

// MaxTraps is how many traps are told; API servers cut a long list of warnings.
const MaxTraps = 8

// Few are the first of several texts, and that there are more.
func Few(traps []string) []string {
	if len(traps) > MaxTraps {
		return append(traps[:MaxTraps:MaxTraps], "there is more of the kind")
	}
	return traps
}
