package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"holdfast.dev/holdfast/test/oracle/compare"
)

// recorder stands between the clients and the API server and writes down what they ask for. It
// speaks plain HTTP to them, which spares each its TLS handshake.
type recorder struct {
	server *http.Server
	url    string

	mu       sync.Mutex
	requests map[string][]compare.Request // by namespace
}

// startRecorder serves until it is closed, with the access that config gives.
func startRecorder(ctx context.Context, config *rest.Config) (*recorder, error) {
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("connect recorder: %w", err)
	}
	upstream, err := url.Parse(config.Host)
	if err != nil {
		return nil, fmt.Errorf("connect recorder to %q: %w", config.Host, err)
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen as recorder: %w", err)
	}
	r := &recorder{url: "http://" + listener.Addr().String(), requests: map[string][]compare.Request{}}
	proxy := &httputil.ReverseProxy{
		Transport:      transport,
		Rewrite:        func(p *httputil.ProxyRequest) { p.SetURL(upstream) },
		ModifyResponse: r.answered,
		FlushInterval:  -1, // watches
		ErrorLog:       log.New(io.Discard, "", 0),
	}
	r.server = &http.Server{Handler: recording(proxy), ReadHeaderTimeout: time.Minute}
	go func() { _ = r.server.Serve(listener) }() // ends with close
	return r, nil
}

func (r *recorder) close() { _ = r.server.Close() }

// take returns what was asked in a namespace since the last time.
func (r *recorder) take(namespace string) []compare.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.requests[namespace]
	delete(r.requests, namespace)
	return taken
}

// noted is the key of a request in the context of its round trip.
type noted struct{}

var deploymentPath = regexp.MustCompile(`^/apis/apps/v1/namespaces/([^/]+)/deployments(/|$)`)

// recording notes requests that would change a Deployment.
func recording(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		query := req.URL.Query()
		changes := req.Method != http.MethodGet && query.Get("dryRun") == "" && deploymentPath.MatchString(req.URL.Path)
		if !changes {
			next.ServeHTTP(w, req)
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		note := &compare.Request{
			Method: req.Method, Path: req.URL.Path, ContentType: req.Header.Get("Content-Type"), Body: string(body),
			Manager: query.Get("fieldManager"), Force: query.Get("force") == "true",
		}
		next.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), noted{}, note)))
	})
}

// answered completes the note of a request with its answer.
func (r *recorder) answered(response *http.Response) error {
	note, changes := response.Request.Context().Value(noted{}).(*compare.Request)
	if !changes {
		return nil
	}
	note.Status, note.Warnings = response.StatusCode, response.Header.Values("Warning")
	if response.StatusCode >= http.StatusBadRequest {
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return fmt.Errorf("read refusal: %w", err)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		var status struct{ Message string }
		if json.Unmarshal(body, &status) == nil {
			note.Message = status.Message
		}
	}
	namespace := deploymentPath.FindStringSubmatch(note.Path)[1]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests[namespace] = append(r.requests[namespace], *note)
	return nil
}
