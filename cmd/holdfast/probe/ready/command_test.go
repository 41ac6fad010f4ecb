package ready

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheProbeIsAsked(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	address := strings.TrimPrefix(server.URL, "http://")
	if err := Ask(t.Context(), address); err != nil {
		t.Errorf("a probe that listens: %v", err)
	}
	status = http.StatusServiceUnavailable
	if err := Ask(t.Context(), address); err == nil {
		t.Error("one that does not yet is ready")
	}
	server.Close()
	if err := Ask(t.Context(), address); err == nil {
		t.Error("one that is not there is ready")
	}
}
