package serving

import (
	"encoding/json"
	"fmt"
	"net/http"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxRequest is how much of an admission request is read, in bytes. It is the
// limit of controller-runtime, whose answer to more the API server cannot read.
const MaxRequest = 7 << 20

// Bounded refuses requests that are larger than MaxRequest before any of them is
// read. For the API server it is as if the webhook could not be reached: what
// becomes of the request is for the failurePolicy to say. It passes the words of
// a Status on to the user, and nothing of any other answer.
func Bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < MaxRequest {
			next.ServeHTTP(w, r)
			return
		}
		answer(w, metav1.StatusReasonRequestEntityTooLarge, http.StatusRequestEntityTooLarge,
			fmt.Sprintf("holdfast: the object is too large to be looked at: with what it was before it is %d bytes of JSON, of which %d are read; make it smaller",
				r.ContentLength, MaxRequest))
	})
}

// answer says in a Status why a request is not answered.
func answer(w http.ResponseWriter, reason metav1.StatusReason, code int32, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(int(code))
	_ = json.NewEncoder(w).Encode(metav1.Status{ // nobody is told if nobody listens
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Reason: reason, Code: code, Message: message,
	})
}
