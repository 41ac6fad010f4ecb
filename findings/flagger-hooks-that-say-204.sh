#!/bin/sh
# Flagger 1.44 (module github.com/fluxcd/flagger v1.44.0), controller.CallWebhook, which asks the webhooks of a
# canary: gates, tests before the rollout, load, rollback.
#
# Expected: a webhook that answers with any status of 2xx has said yes, as the documentation and the comment of the
# function have it: 204 No Content, which servers send that have nothing to say, too.
# Found: 200, 201 and 202 are a yes, and 204 is a no. Its message is the body, and 204 has none: the event of
# the canary says that the check failed, and nothing of why. 203 and 206 are a no as well. A gate that opens with
# 204 never opens, and a rollback webhook that asks for one by 204 does not get it.
# Who writes a server for such webhooks, or takes one that he has: answer with 200.
#
# Output seen on 2026-11-30:
#   200: yes
#   201: yes
#   202: yes
#   203: no, because of "done"
#   204: no, because of ""
#   206: no, because of "done"
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module finding

go 1.26.0

require github.com/fluxcd/flagger v1.44.0
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	"github.com/fluxcd/flagger/pkg/controller"
)

func main() {
	status := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		if status != http.StatusNoContent {
			fmt.Fprint(w, "done")
		}
	}))
	defer server.Close()
	var canary v1beta1.Canary
	canary.Name, canary.Namespace = "web", "shop"
	changed := false
	for _, s := range []struct {
		status int
		seen   string
	}{
		{200, "yes"}, {201, "yes"}, {202, "yes"}, {203, `no, because of "done"`}, {204, `no, because of ""`}, {206, `no, because of "done"`},
	} {
		status = s.status
		seen := "yes"
		err := controller.CallWebhook(canary, v1beta1.CanaryPhaseProgressing, v1beta1.CanaryWebhook{Name: "gate", URL: server.URL})
		if err != nil {
			seen = fmt.Sprintf("no, because of %q", err)
		}
		fmt.Printf("%d: %s\n", s.status, seen)
		changed = changed || seen != s.seen
	}
	if changed {
		fmt.Println("CHANGED: it is no longer as this finding says")
		os.Exit(1)
	}
}
GO
go mod tidy >tidy.log 2>&1 || { cat tidy.log; exit 1; }
go run .
