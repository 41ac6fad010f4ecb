package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// newHandler serves each fault below a path of its own: /FAULT/api/v1/query is /api/v1/query with that fault.
func newHandler(target *url.URL) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	whole := proxy(target, nil)
	mux.HandleFunc("/slow/{duration}/", func(w http.ResponseWriter, r *http.Request) {
		wait, err := time.ParseDuration(r.PathValue("duration"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		select {
		case <-time.After(wait):
			http.StripPrefix("/slow/"+r.PathValue("duration"), whole).ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("/hang/", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/drip/", func(w http.ResponseWriter, r *http.Request) { // it begins to answer and never ends
		fmt.Fprint(w, `{"status":"success","data":`)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.Handle("/partial/", http.StripPrefix("/partial", proxy(target, partial)))
	mux.Handle("/cut/", http.StripPrefix("/cut", proxy(target, cut)))
	mux.Handle("/large/", http.StripPrefix("/large", proxy(target, large)))
	mux.HandleFunc("/redirect/", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.JoinPath(strings.TrimPrefix(r.URL.Path, "/redirect")).String(), http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("/page/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>log in first</html>") })
	mux.HandleFunc("/status/{code}/", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil || code < 200 || code > 599 {
			code = http.StatusNotFound
		}
		http.Error(w, "failing, as told", code)
	})
	return mux
}

// proxy asks the Prometheus and lets a fault change the body of its answer.
func proxy(target *url.URL, fault func([]byte) ([]byte, int)) http.Handler {
	p := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	if fault == nil {
		return p
	}
	p.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			return err
		}
		body, length := fault(body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(length)
		r.Header.Set("Content-Length", strconv.Itoa(length))
		return nil
	}
	p.Transport = &http.Transport{DisableCompression: true}
	director := p.Rewrite
	p.Rewrite = func(r *httputil.ProxyRequest) {
		director(r)
		r.Out.Header.Del("Accept-Encoding") // the body is to be read
	}
	return p
}

// partial adds what a Thanos adds when one of its stores does not answer.
func partial(body []byte) ([]byte, int) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return body, len(body)
	}
	answer["warnings"] = []string{"store gateway-1 is away, as told"}
	changed, err := json.Marshal(answer)
	if err != nil {
		return body, len(body)
	}
	return changed, len(changed)
}

// cut sends half of what it says that it sends.
func cut(body []byte) ([]byte, int) { return body[:len(body)/2], len(body) }

// large makes the answer a mebibyte longer, and leaves it one.
func large(body []byte) ([]byte, int) {
	body = append(body, bytes.Repeat([]byte(" "), 1<<20)...)
	return body, len(body)
}
