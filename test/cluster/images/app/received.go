package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// received counts the requests to / by their method and what they had as a body: itself where it is short.
type received struct {
	mu     sync.Mutex
	counts map[string]int
}

// shown is how long a body may be that is told as it is.
const shown = 64

func (r *received) add(method string, body []byte) {
	key := method
	switch {
	case len(body) > shown:
		key += fmt.Sprintf(" %d bytes %x", len(body), sha256.Sum256(body))
	case len(body) > 0:
		key += " " + string(body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts = map[string]int{}
	}
	r.counts[key]++
}

// ServeHTTP says how many there were of which.
func (r *received) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = json.NewEncoder(w).Encode(r.counts) // whoever asked has gone
}

// take reads the body of a request to its end, and counts it.
func (r *received) take(request *http.Request) {
	if body, err := io.ReadAll(request.Body); err == nil {
		r.add(request.Method, body)
	}
}
