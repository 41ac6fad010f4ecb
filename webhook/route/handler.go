// Package route answers the admission requests for routes on which the share of a canary lies
// (see package internal/route), whoever sends them: what the request asks for is the user's wish, and what is
// stored is that wish with the share laid over it.
//
// # Failing open
//
// Its entry and all of its errors let a request pass as it came: routes carry the traffic of
// production, and who mends them must not depend on Holdfast. What came without the overlay has it again
// when the evaluator looks next.
//
// # Which routes
//
// The entry selects by the record on the object and by nothing else. It is sealed, and the evaluator lays the
// first one: only routes of Deployments that are guarded ever have it, whichever way those opted in.
package route

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
	"holdfast.dev/holdfast/internal/route"
)

// Handler answers the requests of the entry for routes. It asks nobody and refuses nothing.
type Handler struct {
	// Key seals records.
	Key hold.Key
	// Evaluator is the user name of the evaluator, who lays the overlay and takes it off.
	Evaluator string
}

var _ admission.Handler = (*Handler)(nil)

// Handle answers one request.
func (h *Handler) Handle(ctx context.Context, req admission.Request) (resp admission.Response) {
	log := ctrl.LoggerFrom(ctx) // it names object, user and request
	defer func() {
		if p := recover(); p != nil {
			log.Error(fmt.Errorf("panic: %v", p), "overlay not laid", "stack", string(debug.Stack()))
			resp = admission.Allowed("")
		}
	}()
	dialect, known := route.DialectOf(req.Kind.Group, req.Kind.Kind)
	u, err := decode(req.AdmissionRequest)
	if err == nil && !known {
		err = fmt.Errorf("there is no overlay for %s of %s", req.Kind.Kind, req.Kind.Group)
	}
	if err != nil {
		log.Error(err, "overlay not laid")
		return admission.Allowed("")
	}
	u.Dialect = dialect
	if u.TooMany(u.RulesOf(u.new)) {
		return admission.Allowed("") // the API server refuses it, or no share is laid over it
	}
	a, err := h.answer(u)
	if err != nil {
		log.Error(err, "overlay not laid")
		a.warn("the share of the canary was taken off this route: " + err.Error())
	}
	return admission.Patched("", a.patch(u)...).WithWarnings(a.warnings...)
}

// update is a request, decoded.
type update struct {
	route.Dialect
	old, new      object
	namespace     string
	user, manager string
}

// object is a route as raw JSON, nil where there is none.
type object map[string]any

func (o object) metadata() map[string]any {
	out, _ := o["metadata"].(map[string]any)
	return out
}

func (o object) uid() types.UID {
	uid, _ := o.metadata()["uid"].(string)
	return types.UID(uid)
}

func (o object) annotations() map[string]any {
	out, _ := o.metadata()["annotations"].(map[string]any)
	return out
}

// hasOthers says whether there are annotations beside the record.
func (o object) hasOthers() bool {
	for key := range o.annotations() {
		if key != v1alpha1.OverlayAnnotation {
			return true
		}
	}
	return false
}

func (o object) record() string {
	out, _ := o.annotations()[v1alpha1.OverlayAnnotation].(string)
	return out
}

func (o object) managedFields() []any {
	out, _ := o.metadata()["managedFields"].([]any)
	return out
}

func decode(req admissionv1.AdmissionRequest) (update, error) {
	u := update{namespace: req.Namespace, user: req.UserInfo.Username}
	if err := jsontree.Unmarshal(req.Object.Raw, (*map[string]any)(&u.new)); err != nil {
		return u, fmt.Errorf("decode route: %w", err)
	}
	if len(req.OldObject.Raw) > 0 {
		if err := jsontree.Unmarshal(req.OldObject.Raw, (*map[string]any)(&u.old)); err != nil {
			return u, fmt.Errorf("decode old route: %w", err)
		}
	}
	if len(req.Options.Raw) > 0 {
		var options metav1.UpdateOptions
		if err := json.Unmarshal(req.Options.Raw, &options); err != nil {
			return u, fmt.Errorf("decode options: %w", err)
		}
		u.manager = options.FieldManager
	}
	return u, nil
}
