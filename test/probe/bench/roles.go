package main

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serveApplication answers with as many bytes as the path asks for.
func serveApplication(port string) error {
	payload := []byte(strings.Repeat("0123456789abcdef", 1<<16))
	return serve(port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil || n < 0 || n > len(payload) {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", strconv.Itoa(n))
		_, _ = w.Write(payload[:n])
	}))
}

// serveStandard is the proxy of the standard library, as it comes: what the probe would be otherwise, without
// any metrics.
func serveStandard(port, target string) error {
	to := &url.URL{Scheme: "http", Host: "127.0.0.1:" + target}
	return serve(port, &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(to) },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 2000, DisableCompression: true},
		FlushInterval: -1,
	})
}

func serve(port string, handler http.Handler) error {
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: handler, ReadHeaderTimeout: time.Minute}
	return fmt.Errorf("serve: %w", server.ListenAndServe())
}
