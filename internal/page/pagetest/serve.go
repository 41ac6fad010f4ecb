package pagetest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	user, known := a.Users[tokenOf(r)]
	a.asked = append(a.asked, user.Name+" "+r.Method+" "+r.URL.Path)
	down := a.down
	a.mu.Unlock()
	switch {
	case down:
		refuse(w, http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the API server is down")
	case !known:
		refuse(w, http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
	case strings.HasPrefix(r.URL.Path, "/apis/authentication.k8s.io/"), strings.HasPrefix(r.URL.Path, "/apis/authorization.k8s.io/"):
		a.review(w, r, user)
	default:
		a.object(w, r, user)
	}
}

// review answers who somebody is, and what they may.
func (a *API) review(w http.ResponseWriter, r *http.Request, user User) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	var out any
	switch kind := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]; kind {
	case "selfsubjectreviews":
		out = authenticationv1.SelfSubjectReview{Status: authenticationv1.SelfSubjectReviewStatus{UserInfo: authenticationv1.UserInfo{Username: user.Name}}}
	case "tokenreviews":
		var in authenticationv1.TokenReview
		_ = json.Unmarshal(body, &in)
		if of, known := a.Users[in.Spec.Token]; known {
			in.Status = authenticationv1.TokenReviewStatus{Authenticated: true, User: authenticationv1.UserInfo{Username: of.Name, UID: "uid-" + of.Name, Groups: []string{"system:authenticated"}}}
		}
		in.Spec.Token = ""
		out = in
	case "selfsubjectaccessreviews":
		var in authorizationv1.SelfSubjectAccessReview
		_ = json.Unmarshal(body, &in)
		ask := in.Spec.ResourceAttributes
		in.Status.Allowed = user.may(ask.Verb, ask.Namespace, ask.Resource)
		out = in
	case "subjectaccessreviews":
		var in authorizationv1.SubjectAccessReview
		_ = json.Unmarshal(body, &in)
		for _, of := range a.Users {
			if ask := in.Spec.ResourceAttributes; of.Name == in.Spec.User {
				in.Status.Allowed = of.may(ask.Verb, ask.Namespace, ask.Resource)
			}
		}
		out = in
	}
	_ = json.NewEncoder(w).Encode(out)
}

// object answers what is about objects.
func (a *API) object(w http.ResponseWriter, r *http.Request, user User) {
	namespace, resource, name := parse(r.URL.Path)
	verb := map[string]string{http.MethodGet: "get", http.MethodPatch: "patch"}[r.Method]
	if r.Method == http.MethodGet && name == "" {
		verb = "list"
		if r.URL.Query().Get("watch") != "" {
			verb = "watch"
		}
	}
	a.mu.Lock()
	allowed := user.may(verb, namespace, resource)
	a.mu.Unlock()
	if !allowed {
		group := map[string]string{"canaryruns": "holdfast.dev", "deployments": "apps"}[resource]
		refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden,
			fmt.Sprintf("%s is forbidden: User %q cannot %s resource %q in API group %q in the namespace %q", resource, user.Name, verb, resource, group, namespace))
		return
	}
	if r.URL.Query().Get("sendInitialEvents") != "" { // whoever asks lists instead
		refuse(w, http.StatusUnprocessableEntity, metav1.StatusReasonInvalid, "sendInitialEvents is forbidden for watch")
		return
	}
	if verb == "watch" {
		a.watch(w, r, namespace)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	var out any
	switch run := a.runs[namespace+"/"+name]; {
	case resource == "events":
		out = a.eventsAbout(namespace, r.URL.Query().Get("fieldSelector"))
	case resource == "deployments" && a.deployments[namespace+"/"+name] != nil:
		out = a.deployments[namespace+"/"+name]
	case resource == "canaryruns" && verb == "list":
		out = a.list(namespace)
	case resource == "canaryruns" && run != nil && verb == "get":
		out = run
	case resource == "canaryruns" && run != nil && verb == "patch":
		a.patch(w, r, user, run)
		return
	}
	if out == nil {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("%s %q not found", resource, name))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

func parse(path string) (namespace, resource, name string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if i := slices.Index(parts, "namespaces"); i >= 0 {
		namespace, parts = parts[i+1], parts[i+2:]
	} else {
		parts = parts[3:]
	}
	resource = parts[0]
	if len(parts) > 1 {
		name = parts[1]
	}
	return namespace, resource, name
}

func (a *API) list(namespace string) any {
	out := v1alpha1.CanaryRunList{TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CanaryRunList"}, ListMeta: metav1.ListMeta{ResourceVersion: fmt.Sprint(a.version)}}
	for _, run := range a.runs {
		if namespace == "" || run.Namespace == namespace {
			out.Items = append(out.Items, *run)
		}
	}
	return out
}

func (a *API) eventsAbout(namespace, selector string) any {
	out := corev1.EventList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "EventList"}}
	chosen, err := fields.ParseSelector(selector)
	for _, e := range a.events {
		if about := (fields.Set{"involvedObject.kind": e.InvolvedObject.Kind, "involvedObject.name": e.InvolvedObject.Name}); err == nil && e.Namespace == namespace && chosen.Matches(about) {
			out.Items = append(out.Items, e)
		}
	}
	return out
}

// patch merges into a run, as far as decisions need it.
func (a *API) patch(w http.ResponseWriter, r *http.Request, user User, run *v1alpha1.CanaryRun) {
	body, _ := io.ReadAll(r.Body)
	var patch struct {
		Metadata struct{ UID string }
		Spec     map[string]any
	}
	if err := json.Unmarshal(body, &patch); err != nil {
		refuse(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	if patch.Metadata.UID != "" && patch.Metadata.UID != string(run.UID) {
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, "the UID in the precondition is another one")
		return
	}
	if a.Forbids != nil {
		if why := a.Forbids(user.Name, patch.Spec); why != "" {
			refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden, why)
			return
		}
	}
	if r.URL.Query().Get("dryRun") == "" {
		changed := run.DeepCopy()
		text, _ := json.Marshal(patch.Spec)
		_ = json.Unmarshal(text, &changed.Spec)
		run = a.put(changed)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(run)
}

func (a *API) watch(w http.ResponseWriter, r *http.Request, namespace string) {
	changes := make(chan []byte, 10000)
	a.mu.Lock()
	a.watchers[changes] = namespace
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.watchers, changes)
	}()
	w.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(w)
	_ = out.Flush()
	for {
		select {
		case <-r.Context().Done():
			return
		case text := <-changes:
			if _, err := fmt.Fprintf(w, "%s\n", text); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}
