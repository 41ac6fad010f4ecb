package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Paths of the requests that the control socket answers; all but the first are posted.
const (
	PathStatus    = "/status"
	PathComponent = "/component"
	PathPod       = "/pod"
	PathShutdown  = "/shutdown"
)

// Actions on components: the first three. On pods: the others, which are about their network, and
// ActionSignal.
const (
	ActionStart   = "start"
	ActionStop    = "stop"
	ActionSignal  = "signal"
	ActionIsolate = "isolate"
	ActionRejoin  = "rejoin"
	ActionReset   = "reset"
)

// ComponentRequest asks to start, stop or signal a component.
type ComponentRequest struct {
	Name   string `json:"name"`
	Action string `json:"action"`
	Signal int    `json:"signal,omitempty"`
}

// PodRequest asks to do something to a running pod. Container and Signal are for ActionSignal
// alone; no name means the first container.
type PodRequest struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Action    string `json:"action"`
	Container string `json:"container,omitempty"`
	Signal    int    `json:"signal,omitempty"`
}

// Status lists the components.
type Status struct {
	Components []Component `json:"components"`
}

// Component is one program of the control plane.
type Component struct {
	Name string `json:"name"`
	// State is running, stopped (as asked) or crashed.
	State string `json:"state"`
	Pid   int    `json:"pid,omitempty"`
	// RSS is the memory in use, in bytes.
	RSS int64 `json:"rss,omitempty"`
}

// Status asks how the components are.
func (s State) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, s.call(ctx, http.MethodGet, PathStatus, nil, &status)
}

// Component starts, stops or signals a component. It returns when that is done.
func (s State) Component(ctx context.Context, request ComponentRequest) error {
	return s.call(ctx, http.MethodPost, PathComponent, request, nil)
}

// Pod signals a program of a pod, or troubles the pod's network.
func (s State) Pod(ctx context.Context, request PodRequest) error {
	return s.call(ctx, http.MethodPost, PathPod, request, nil)
}

// Shutdown asks the cluster to end; it returns when that was heard.
func (s State) Shutdown(ctx context.Context) error {
	return s.call(ctx, http.MethodPost, PathShutdown, nil, nil)
}

// call sends one request over the control socket.
func (s State) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://cluster"+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return s.dial(ctx) },
	}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("ask cluster in %s: %w", s.Dir, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return errors.New(strings.TrimSpace(string(message)))
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("decode answer of cluster in %s: %w", s.Dir, err)
	}
	return nil
}
