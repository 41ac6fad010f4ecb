package supervisor

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"holdfast.dev/holdfast/test/cluster/control"
)

// serveControl answers on the inherited control socket.
func (s *supervisor) serveControl() error {
	listener, err := net.FileListener(os.NewFile(control.SocketFD, "control"))
	if err != nil {
		return fmt.Errorf("open inherited control socket: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+control.PathStatus, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(s.components.status())
	})
	mux.HandleFunc("POST "+control.PathComponent, answer(s.controlComponent))
	mux.HandleFunc("POST "+control.PathPod, answer(func(r control.PodRequest) error { return s.controlPod(r) }))
	mux.HandleFunc("POST "+control.PathShutdown, func(http.ResponseWriter, *http.Request) { s.end() })
	go func() {
		server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
		if err := server.Serve(listener); err != nil {
			s.log.Error("control socket ended", "error", err)
		}
	}()
	return nil
}

func (s *supervisor) controlComponent(r control.ComponentRequest) error {
	switch r.Action {
	case control.ActionStart:
		return s.components.start(r.Name)
	case control.ActionStop:
		return s.components.stop(r.Name)
	case control.ActionSignal:
		return s.components.signal(r.Name, syscall.Signal(r.Signal))
	}
	return fmt.Errorf("there is no action %q on components", r.Action)
}

// answer serves a request in JSON that either succeeds or says why not.
func answer[Request any](do func(Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var request Request
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			http.Error(w, "decode request: "+err.Error(), http.StatusBadRequest)
			return
		}
		if err := do(request); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		}
	}
}
