// Package pagetest is an API server in memory, as far as the page asks one, for tests: with users, what they
// may, and policies that have a say in it.
package pagetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// User is who has a token. May has the rights, as "verb namespace/resource"; a namespace "*" is all.
type User struct {
	Name string
	May  []string
}

// API is an API server in memory.
type API struct {
	// Users are by their tokens.
	Users map[string]User
	// Forbids is asked of each decision, "" allows it, as policies of a cluster do.
	Forbids func(user string, spec map[string]any) string

	server *httptest.Server

	mu          sync.Mutex
	version     int
	runs        map[string]*v1alpha1.CanaryRun
	deployments map[string]map[string]any
	events      []corev1.Event
	watchers    map[chan []byte]string
	asked       []string
	down        bool
}

// New is one without objects, that ends with the test.
func New(t testing.TB) *API {
	a := Start()
	t.Cleanup(a.Close)
	return a
}

// Start is one that somebody closes.
func Start() *API {
	a := &API{Users: map[string]User{}, runs: map[string]*v1alpha1.CanaryRun{}, deployments: map[string]map[string]any{}, watchers: map[chan []byte]string{}}
	a.server = httptest.NewServer(a)
	return a
}

// Close ends it, and all that watch.
func (a *API) Close() {
	a.server.CloseClientConnections()
	a.server.Close()
}

// As reaches it with a token, by JSON, which is all that it knows.
func (a *API) As(token string) *rest.Config {
	return &rest.Config{Host: a.server.URL, BearerToken: token, ContentConfig: rest.ContentConfig{ContentType: "application/json", AcceptContentTypes: "application/json"}}
}

// SetDown has it answer nothing but 503, or go on.
func (a *API) SetDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

// Forget has a token be known no longer.
func (a *API) Forget(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.Users, token)
}

// Give changes what who has a token may.
func (a *API) Give(token string, user User) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Users[token] = user
}

// Put has a run be there, or be another than it was, and tells who watches.
func (a *API) Put(run *v1alpha1.CanaryRun) *v1alpha1.CanaryRun {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.put(run)
}

func (a *API) put(run *v1alpha1.CanaryRun) *v1alpha1.CanaryRun {
	run = run.DeepCopy()
	run.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "CanaryRun"}
	key := run.Namespace + "/" + run.Name
	if run.UID == "" {
		run.UID = types.UID("uid-" + key)
	}
	a.version++
	run.ResourceVersion = fmt.Sprint(a.version)
	kind := "MODIFIED"
	if a.runs[key] == nil {
		kind = "ADDED"
	}
	a.runs[key] = run
	a.tell(kind, run)
	return run
}

// Delete has a run be gone.
func (a *API) Delete(namespace, name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if run := a.runs[namespace+"/"+name]; run != nil {
		delete(a.runs, namespace+"/"+name)
		a.version++
		run = run.DeepCopy()
		run.ResourceVersion = fmt.Sprint(a.version)
		a.tell("DELETED", run)
	}
}

// PutDeployment has a Deployment be there.
func (a *API) PutDeployment(namespace, name string, object map[string]any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	object["apiVersion"], object["kind"] = "apps/v1", "Deployment"
	a.deployments[namespace+"/"+name] = object
}

// PutEvent has an event be there.
func (a *API) PutEvent(e corev1.Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e)
}

// Run is one as it stands, nil if it is not there.
func (a *API) Run(namespace, name string) *v1alpha1.CanaryRun {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.runs[namespace+"/"+name].DeepCopy()
}

// Asked are all requests so far, as "user METHOD path".
func (a *API) Asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *API) tell(kind string, run *v1alpha1.CanaryRun) {
	text, _ := json.Marshal(map[string]any{"type": kind, "object": run})
	for w, namespace := range a.watchers {
		if namespace == "" || namespace == run.Namespace {
			select {
			case w <- text:
			default: // it is so slow that its test fails
			}
		}
	}
}

func (u User) may(verb, namespace, resource string) bool {
	if namespace == "" {
		namespace = "*"
	}
	return slices.Contains(u.May, verb+" "+namespace+"/"+resource) || slices.Contains(u.May, verb+" */"+resource)
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure, Reason: reason, Code: int32(code), Message: message,
	})
}

func tokenOf(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}
