package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"holdfast.dev/holdfast/internal/page/person"
	"holdfast.dev/holdfast/internal/plaintext"
	"holdfast.dev/holdfast/internal/remedy"
)

// maxProblem is the longest that a problem is in words, in bytes.
const maxProblem = 2000

// problem is an answer that says why there is none.
type problem struct {
	Problem string `json:"problem"`
}

func reply(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value) // who does not hear has gone
}

func refuse(w http.ResponseWriter, code int, why string) {
	reply(w, code, problem{plaintext.Block(why, maxProblem)})
}

// refusal is a problem with the code that tells its kind.
type refusal struct {
	code int
	says string
}

func (r refusal) Error() string { return r.says }

func errUnseen(namespace string) error {
	return refusal{http.StatusForbidden, fmt.Sprintf("you may not list the canary runs of namespace %q", plaintext.Line(namespace, 100))}
}

var errNoRun = refusal{http.StatusNotFound, "there is no such run any more"}

// fail answers with what is wrong.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	code, says := codeOf(err)
	s.Metrics.count(kindOf(r), answerOf(code))
	switch code {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "2")
	}
	refuse(w, code, says)
}

func codeOf(err error) (int, string) {
	var own refusal
	switch {
	case errors.As(err, &own):
		return own.code, own.says
	case errors.Is(err, ErrStranger):
		return http.StatusUnauthorized, err.Error()
	case apierrors.IsUnauthorized(err):
		return http.StatusUnauthorized, ErrStranger.Error()
	case errors.Is(err, ErrBusy), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return http.StatusServiceUnavailable, ErrBusy.Error()
	case errors.Is(err, person.ErrOtherRun):
		return http.StatusConflict, err.Error()
	case errors.Is(err, person.ErrNothingToDo):
		return http.StatusConflict, err.Error()
	case apierrors.IsForbidden(err):
		return http.StatusForbidden, remedy.Explain(err).Error()
	case apierrors.IsNotFound(err):
		return http.StatusNotFound, errNoRun.says
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		return int(status.Status().Code), err.Error()
	}
	return http.StatusBadGateway, "the API server is not reached: " + err.Error()
}

// What is asked, as metrics name it.
const (
	kindStream = "stream"
	kindRead   = "read"
	kindDecide = "decide"
)

func kindOf(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/stream"):
		return kindStream
	case r.Method == http.MethodPost:
		return kindDecide
	}
	return kindRead
}
