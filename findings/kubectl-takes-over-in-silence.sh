#!/bin/sh
# kubectl 1.37 (module k8s.io/kubectl v0.37.1), `kubectl apply --server-side --field-manager=NAME` of an object that
# was applied client-side before.
#
# Expected: after the apply kubectl takes over, for NAME, what its client-side apply owned, and the annotation
# last-applied-configuration goes with that. Where the object changes under its hands it tries again, five times, and
# then prints its warning "server rejected managed fields migration to Server-Side Apply".
# Found: after five conflicts it prints nothing at all. Before it tries again it reads the object anew, and that answer, which
# is good, takes the place of the error. Exit code 0, "serverside-applied", and the object has two owners of all its
# fields: a field that is taken out of the manifest later stays, for kubectl-client-side-apply has it still.
# A Deployment that rolls out on a busy cluster is written often enough by its controllers.
# Who goes over to server-side apply: look whether last-applied-configuration is gone, and apply again if not.
#
# Output seen on 2026-11-30:
#   4 conflicts: taken over, exit code 0, errors ""
#   5 conflicts: not taken over, exit code 0, errors ""
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require k8s.io/kubectl v0.37.1
MOD
cat > main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/cmd/apply"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

const (
	manifest = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop"},"data":{"a":"1"}}`
	// stored is the object after the apply, while its first owner has its fields too.
	stored = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"web","namespace":"shop","uid":"u","resourceVersion":"5",
		"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}"},"managedFields":[
		{"manager":"robot","operation":"Apply","apiVersion":"v1","time":"2026-11-30T10:00:00Z","fieldsType":"FieldsV1","fieldsV1":{"f:data":{"f:a":{}}}},
		{"manager":"kubectl-client-side-apply","operation":"Update","apiVersion":"v1","time":"2026-11-30T09:00:00Z","fieldsType":"FieldsV1",
		 "fieldsV1":{"f:data":{"f:a":{}},"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}}}}}]},"data":{"a":"1"}}`
	conflict = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409,"message":"the object has been modified"}`
)

// server answers as an API server does whose object is changed by others so many times between a read and a write.
type server struct {
	conflicts int
	takenOver bool
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/api":
		io.WriteString(w, `{"kind":"APIVersions","versions":["v1"]}`)
	case r.URL.Path == "/apis":
		io.WriteString(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
	case r.URL.Path == "/api/v1":
		io.WriteString(w, `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"configmaps","singularName":"configmap","namespaced":true,"kind":"ConfigMap","verbs":["get","patch"]}]}`)
	case r.Method == http.MethodPatch && r.Header.Get("Content-Type") == "application/json-patch+json":
		if s.conflicts > 0 {
			s.conflicts--
			w.WriteHeader(http.StatusConflict)
			io.WriteString(w, conflict)
			return
		}
		s.takenOver = true
		fallthrough
	case r.Method == http.MethodPatch, r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/web"):
		io.WriteString(w, stored)
	default:
		http.NotFound(w, r)
	}
}

func main() {
	changed := false
	for _, tc := range []struct {
		conflicts int
		seen      string
	}{
		{4, `taken over, exit code 0, errors ""`}, {5, `not taken over, exit code 0, errors ""`},
	} {
		s := &server{conflicts: tc.conflicts}
		listening := httptest.NewServer(s)
		flags := genericclioptions.NewConfigFlags(false)
		cache, err := os.MkdirTemp(".", "cache")
		if err != nil {
			panic(err)
		}
		flags.APIServer, flags.CacheDir = &listening.URL, &cache
		var errors bytes.Buffer
		code := 0
		cmdutil.BehaviorOnFatal(func(message string, c int) { code = c; errors.WriteString(message) })
		cmd := apply.NewCmdApply("kubectl", cmdutil.NewFactory(flags), genericiooptions.IOStreams{In: os.Stdin, Out: io.Discard, ErrOut: &errors})
		if err := os.WriteFile("manifest.json", []byte(manifest), 0o600); err != nil {
			panic(err)
		}
		cmd.SetArgs([]string{"--server-side", "--field-manager=robot", "--validate=false", "-f", "manifest.json"})
		if err := cmd.Execute(); err != nil {
			code = 1
		}
		listening.Close()
		what := "not taken over"
		if s.takenOver {
			what = "taken over"
		}
		seen := fmt.Sprintf("%s, exit code %d, errors %q", what, code, errors.String())
		fmt.Printf("%d conflicts: %s\n", tc.conflicts, seen)
		changed = changed || seen != tc.seen || s.conflicts != 0
	}
	if changed {
		fmt.Println("CHANGED: it is no longer as this finding says")
		os.Exit(1)
	}
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .
