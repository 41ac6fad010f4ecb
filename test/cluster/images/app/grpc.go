package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// The app answers one call of gRPC, and makes such calls itself: an API server proxies requests, and no
// calls. Messages are empty, so that all there is of the protocol is HTTP/2 without TLS, a frame of five
// bytes, and a status behind the answer.

// version is the method that answers which version the app is, in a header as pages do.
const version = "/holdfast.test.App/Version"

// noMessage is the frame of a message without content.
var noMessage = []byte{0, 0, 0, 0, 0}

// answerCall answers version.
func (h *handler) answerCall(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("X-App-Version", h.version)
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(noMessage)
	w.Header().Set("Grpc-Status", "0")
}

// makeCalls makes so many calls of version by way of a gateway and answers how many each version has
// answered, those that failed under the name "". The header X-Canary of the request is that of the calls.
func makeCalls(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	c := caller{client: &http.Client{Transport: transport, Timeout: 5 * time.Second}, gateway: r.PathValue("gateway"), host: r.PathValue("host"), canary: r.Header.Get("X-Canary")}
	counts := map[string]int{}
	for range n {
		counts[c.call(r.Context())]++
	}
	_ = json.NewEncoder(w).Encode(counts)
}

type caller struct {
	client                *http.Client
	gateway, host, canary string
}

// call returns the version that answers, "" where the call fails.
func (c caller) call(ctx context.Context) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://%s%s", c.gateway, version), bytes.NewReader(noMessage))
	if err != nil {
		return ""
	}
	request.Host = c.host
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	if c.canary != "" {
		request.Header.Set("X-Canary", c.canary)
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.Trailer.Get("Grpc-Status") != "0" {
		return ""
	}
	return answer.Header.Get("X-App-Version")
}

// protocols are those that the app is asked by: HTTP/1, and HTTP/2 without TLS for calls.
func protocols() *http.Protocols {
	out := new(http.Protocols)
	out.SetHTTP1(true)
	out.SetUnencryptedHTTP2(true)
	return out
}
