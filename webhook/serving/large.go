package serving

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/webhook/reply"
)

// MaxRequest is how much of an admission request is read, in bytes. It is the
// limit of controller-runtime, whose answer to more the API server cannot read.
const MaxRequest = 7 << 20

// LargeHandler is a handler that can answer some requests without their objects.
type LargeHandler interface {
	// HandleLarge answers a request that is too large to be read, or says that it
	// cannot, and then it is refused. The request has none of its objects, but for
	// name and UID of the old one.
	HandleLarge(ctx context.Context, req admission.Request) (answer admission.Response, ok bool)
}

// Serve serves a hook: what there is room for, and what is too large too.
//
// How large a request is its sender decides (a Deployment can be padded), and it is
// no outage. So it is not left to a failurePolicy, which lets pass where it
// ignores: what is too large is refused, by whichever entry, unless the hook is a
// LargeHandler and answers it.
func (l *Limiter) Serve(hook http.Handler) http.Handler {
	large := http.HandlerFunc(l.refuseLarge)
	if w, ok := hook.(*admission.Webhook); ok {
		if h, ok := w.Handler.(LargeHandler); ok {
			large = l.Limit(l.answerLarge(h)).ServeHTTP
		}
	}
	verify(hook)
	limited := l.Limit(hook)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength < MaxRequest {
			limited.ServeHTTP(w, r)
			return
		}
		large.ServeHTTP(w, r)
	})
}

// largeHead is how much is read of a request that is refused for its size, in bytes; UID, object and user are
// in it.
const largeHead = 64 << 10

func (l *Limiter) refuseLarge(w http.ResponseWriter, r *http.Request) {
	// Nor does anybody keep a connection who sends slowly; where there is none there is no deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience(r)))
	said, _ := pick(io.LimitReader(r.Body, largeHead)) // it ends in the middle
	req := said.request()
	l.answerReview(w, r, req, refusalOf(req, r.ContentLength))
}

func (l *Limiter) answerLarge(h LargeHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		said, err := pick(r.Body)
		if err != nil {
			answer(w, metav1.StatusReasonBadRequest, http.StatusBadRequest, "holdfast: the request does not come whole")
			return
		}
		req := said.request()
		resp, ok := h.HandleLarge(r.Context(), req)
		if !ok {
			resp = refusalOf(req, r.ContentLength)
		}
		l.answerReview(w, r, req, resp)
	})
}

// refusalOf says what is too large, by how much, and what can be done.
func refusalOf(req admission.Request, size int64) admission.Response {
	what := "the object"
	if req.Name != "" {
		what = fmt.Sprintf("%s %s", req.Kind.Kind, req.Name)
	}
	return reply.Denied(reply.Refusal{
		Message: fmt.Sprintf("%s is too large to be looked at: with what it was before it is %d bytes of JSON, of which %d are read; make it smaller: "+
			"shorten its template and its annotations, or have its managedFields begin anew (kubectl patch with --type=merge -p '{\"metadata\":{\"managedFields\":[{}]}}')", what, size, MaxRequest),
		Status: &metav1.Status{Reason: metav1.StatusReasonRequestEntityTooLarge, Code: http.StatusRequestEntityTooLarge},
	})
}

// answerReview answers with an AdmissionReview when all of the request has come: whoever is answered earlier
// may see the connection break while he sends, and take that for an outage.
func (l *Limiter) answerReview(w http.ResponseWriter, r *http.Request, req admission.Request, resp admission.Response) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		answer(w, metav1.StatusReasonBadRequest, http.StatusBadRequest, "holdfast: the request does not come whole")
		return
	}
	answered := "refused"
	if resp.Allowed {
		answered = "passed"
	}
	l.metrics.tooLarge.WithLabelValues(answered).Inc()
	ctrl.LoggerFrom(r.Context()).Info("request too large to be read", "answer", answered, "bytes", r.ContentLength, "operation", req.Operation,
		"kind", req.Kind.Kind, "namespace", req.Namespace, "name", req.Name, "user", req.UserInfo.Username, "requestID", req.UID)
	if err := resp.Complete(req); err != nil {
		resp = admission.Errored(http.StatusInternalServerError, err)
		resp.UID = req.UID
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(admissionv1.AdmissionReview{ // nobody is told if nobody listens
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Response: &resp.AdmissionResponse,
	})
}

// request is what is known of a request.
func (p picked) request() admission.Request {
	req := admission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		UID: types.UID(p["request.uid"]), Name: p["request.name"], Namespace: p["request.namespace"],
		Operation: admissionv1.Operation(p["request.operation"]), SubResource: p["request.subResource"],
		Kind: metav1.GroupVersionKind{Kind: p["request.kind.kind"]},
	}}
	req.UserInfo.Username = p["request.userInfo.username"]
	if dry := p["request.dryRun"] == "true"; dry {
		req.DryRun = &dry
	}
	if name := p["request.oldObject.metadata.name"]; name != "" {
		old := map[string]any{"metadata": map[string]any{"name": name, "uid": p["request.oldObject.metadata.uid"]}}
		req.OldObject.Raw, _ = json.Marshal(old) // texts always can be
	}
	return req
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
