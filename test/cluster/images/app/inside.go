package main

import (
	"io"
	"net"
	"net/http"
	"os"
)

// The image has no shell to look around with, so the server shows what its container sees: its
// files, and whether it may write one. `kubectl get --raw
// /api/v1/namespaces/NS/pods/POD:8080/proxy/file/etc/hosts` asks from outside.

func readFile(w http.ResponseWriter, r *http.Request) {
	content, err := os.ReadFile("/" + r.PathValue("path"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	_, _ = w.Write(content)
}

func touchFile(w http.ResponseWriter, r *http.Request) {
	if err := os.WriteFile("/"+r.PathValue("path"), []byte("touched\n"), 0o644); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
	}
}

// askBeside answers as another container of the pod does at a port, which it asks from within: the proxy of a
// mesh does so for the kubelet.
func askBeside(w http.ResponseWriter, r *http.Request) {
	asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+net.JoinHostPort("127.0.0.1", r.PathValue("port"))+"/"+r.PathValue("path"), nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer, err := http.DefaultClient.Do(asked)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}
