package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newHandler serves each behaviour below a path of its own. Paths are names of the behaviour and
// what it needs to know, since the path of a webhook's Service takes no query.
func newHandler(sidecar, message string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /inject", mutate(func(t template) { t.inject(sidecar) }))
	mux.HandleFunc("POST /mesh", mutate(func(t template) { t.mesh("sidecar", sidecar) }))
	mux.HandleFunc("POST /mesh/{name}", func(w http.ResponseWriter, r *http.Request) {
		mutate(func(t template) { t.mesh(r.PathValue("name"), sidecar) })(w, r)
	})
	mux.HandleFunc("POST /pin", mutate(template.pin))
	mux.HandleFunc("POST /annotate", mutate(template.annotate))
	mux.HandleFunc("POST /deny/{tag}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(t template) *metav1.Status {
			if !t.hasTag(r.PathValue("tag")) {
				return nil
			}
			return &metav1.Status{Status: metav1.StatusFailure, Message: message, Reason: metav1.StatusReasonForbidden, Code: http.StatusForbidden}
		})
	})
	mux.HandleFunc("POST /slow/{duration}", func(w http.ResponseWriter, r *http.Request) {
		wait, err := time.ParseDuration(r.PathValue("duration"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		select {
		case <-time.After(wait):
			answer(w, r, func(template) *metav1.Status { return nil })
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST /fail", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "failing, as told", http.StatusInternalServerError)
	})
	return mux
}

// mutate answers with the template as a behaviour leaves it.
func mutate(change func(template)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, func(t template) *metav1.Status {
			change(t)
			return nil
		})
	}
}

// answer reads the pod template of a request, lets a behaviour change or refuse it, and sends the answer.
func answer(w http.ResponseWriter, r *http.Request, behave func(template) *metav1.Status) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, "want an AdmissionReview with a request", http.StatusBadRequest)
		return
	}
	response, err := respond(review.Request, behave)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review.Request, review.Response = nil, response
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		fmt.Println("webhook: answer:", err)
	}
}

func respond(request *admissionv1.AdmissionRequest, behave func(template) *metav1.Status) (*admissionv1.AdmissionResponse, error) {
	sent, path, err := templateOf(request.Object.Raw)
	if err != nil {
		return nil, err
	}
	changed, _, _ := templateOf(request.Object.Raw) // as above
	response := &admissionv1.AdmissionResponse{UID: request.UID}
	if response.Result = behave(changed); response.Result != nil {
		return response, nil
	}
	response.Allowed = true
	if reflect.DeepEqual(sent, changed) {
		return response, nil
	}
	kind := admissionv1.PatchTypeJSONPatch
	response.PatchType = &kind
	var operations []map[string]any
	for _, part := range []string{"metadata", "spec"} {
		if changed[part] != nil {
			operations = append(operations, map[string]any{"op": "replace", "path": path + "/" + part, "value": changed[part]})
		}
	}
	response.Patch, err = json.Marshal(operations)
	return response, err
}
