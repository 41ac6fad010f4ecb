package command

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"holdfast.dev/holdfast/cmd/holdfast/cli"
)

// now is the time of these tests.
var now = time.Date(2026, 5, 4, 12, 1, 0, 0, time.UTC)

const twoRuns = `{"apiVersion":"holdfast.dev/v1alpha1","kind":"CanaryRunList","metadata":{"resourceVersion":"7"},"items":[
{"apiVersion":"holdfast.dev/v1alpha1","kind":"CanaryRun","metadata":{"name":"web-a","namespace":"shop","uid":"a","resourceVersion":"5","creationTimestamp":"2026-05-04T12:00:00Z"},
 "spec":{"deployment":"web","hold":"h","fieldOfTomorrow":1},"status":{"phase":"Paused","reason":"ErrorLimit","message":"Prometheus is down"}},
{"apiVersion":"holdfast.dev/v1alpha1","kind":"CanaryRun","metadata":{"name":"api-b","namespace":"shop","uid":"b","resourceVersion":"6","creationTimestamp":"2026-05-04T12:00:00Z"},
 "spec":{"deployment":"api","hold":"h"},"status":{"phase":"Reverted","reason":"Crashed"}}]}`

// call runs the plugin against an API server that has two runs and refuses all else, or is not there.
func call(t *testing.T, there bool, args ...string) (out, problems string, code int) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/apis/holdfast.dev/v1alpha1/namespaces/shop/canaryruns" && r.Method == http.MethodGet && r.URL.Query().Get("watch") == "" {
			fmt.Fprint(w, twoRuns)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"User \"jane\" cannot %s resource \"x\" in API group \"\" in the namespace \"shop\""}`,
			strings.ToLower(r.Method))
	}))
	defer server.Close()
	if !there {
		server.Close()
	}
	streams, _, stdout, stderr := genericiooptions.NewTestIOStreams()
	root := Root(Options{Streams: streams, Now: func() time.Time { return now }, Version: "v1"})
	flags := []string{"--server", server.URL, "--namespace", "shop", "--kubeconfig", "/dev/null"}
	root.SetArgs(slices.Concat(args[:1], flags, args[1:])) // the last argument is the one that is completed
	code = cli.Run(t.Context(), root)
	return stdout.String(), stderr.String(), code
}

func TestCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		args  []string
		gone  bool
		code  int
		words []string // in what is printed or complained
	}{
		"a table": {args: []string{"get"}, words: []string{"NAMESPACE   NAME    STATUS", "shop        api-b   Reverted", "shop        web-a   Paused"}},
		"a field that this program does not know is kept": {args: []string{"get", "web-a", "-o", "yaml"}, words: []string{"fieldOfTomorrow: 1", "kind: CanaryRun\n"}},
		"several are a list":                              {args: []string{"get", "-o", "yaml"}, words: []string{"kind: List", "name: api-b", "name: web-a"}},
		"names":                                           {args: []string{"get", "-o", "name"}, words: []string{"canaryrun.holdfast.dev/api-b\ncanaryrun.holdfast.dev/web-a\n"}},
		"a run that there is not":                         {args: []string{"get", "run/x"}, code: 1, words: []string{"there is no run x"}},
		"a format that there is not":                      {args: []string{"get", "-o", "csv"}, code: 1, words: []string{"csv"}},
		"what may not be read is left out":                {args: []string{"status", "web"}, words: []string{"Paused (ErrorLimit): Prometheus is down", "Pods are not shown", `You lack the verb "get"`, "promote -n shop web-a"}},
		"a decision that is refused":                      {args: []string{"promote", "web"}, code: 1, words: []string{`cannot patch resource`, `You lack the verb "patch"`}},
		"a decision that would do nothing":                {args: []string{"pause", "api"}, code: 1, words: []string{"run api-b has ended"}},
		"an update that was reverted":                     {args: []string{"wait", "run/api-b", "--for=verdict"}, code: 1, words: []string{"run api-b is Reverted (Crashed)"}},
		"an update that has no verdict":                   {args: []string{"wait", "run/web-a", "--for=verdict", "--timeout=2s"}, code: 2, words: []string{"no verdict within 2s: run web-a is Paused"}},
		"an update that cannot be found":                  {args: []string{"wait", "run/x", "--for=verdict"}, code: 3, words: []string{"there is no run x"}},
		"an API server that is not there":                 {args: []string{"wait", "web", "--for=verdict"}, gone: true, code: 3, words: []string{"connect"}},
		"something else to wait for":                      {args: []string{"wait", "web", "--for=rollout"}, code: 3, words: []string{`it must be verdict`}},
		"a flag that there is not":                        {args: []string{"wait", "web", "--until=x"}, code: 3, words: []string{"unknown flag: --until", "See kubectl holdfast wait --help"}},
		"no update to compare, nor the right":             {args: []string{"diff", "web"}, code: 2, words: []string{"You lack the verb"}},
		"completion of names":                             {args: []string{"__complete", "get", ""}, words: []string{"api\napi-b\nweb\nweb-a\n"}},
		"completion of Deployments":                       {args: []string{"__complete", "skip", ""}, words: []string{"api\nweb\n"}},
		"a page of what one may not list":                 {args: []string{"dashboard", "-A", "--no-browser"}, code: 1, words: []string{`You lack the verb "get"`}},
		"a page of an API server that is not there":       {args: []string{"dashboard", "--no-browser"}, gone: true, code: 1, words: []string{"connect"}},
		"lint without a file":                             {args: []string{"lint"}, code: 2, words: []string{"-f is missing"}},
		"lint of a file that there is not":                {args: []string{"lint", "-f", "nope.yaml"}, code: 2, words: []string{"nope.yaml"}},
		"lint of a folder":                                {args: []string{"lint", "-f", "../check/testdata"}, code: 1, words: []string{"../check/testdata/deployment.yaml:6:26: error: "}},
		"lint of what is fine":                            {args: []string{"lint", "-f", "../check/testdata/good.yaml"}},
		"lint of what is doubtful":                        {args: []string{"lint", "-f", "../check/testdata/plan-doubts.yaml"}, words: []string{"warning: "}},
		"lint of what is doubtful, strictly":              {args: []string{"lint", "-f", "../check/testdata/plan-doubts.yaml", "--strict"}, code: 1, words: []string{"warning: "}},
		"lint of what has nothing to look for":            {args: []string{"lint", "-f", "../go.mod"}, code: 2, words: []string{"there is no CanaryPlan, Deployment or Namespace"}},
		"a skip without a reason":                         {args: []string{"skip", "run/web-a"}, code: 1, words: []string{"write deployment/NAME"}},
		"the version":                                     {args: []string{"--version"}, words: []string{"kubectl holdfast v1 ("}},
	} {
		t.Run(name, func(t *testing.T) {
			out, problems, code := call(t, !tc.gone, tc.args...)
			if code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			for _, words := range tc.words {
				if !strings.Contains(out+problems, words) {
					t.Errorf("%q is not in\n%s%s", words, out, problems)
				}
			}
			if t.Failed() {
				t.Logf("it says\n%s%s", out, problems)
			}
		})
	}
}

// TestWhatPassesIsWaitedFor: an API server that is not reached or has too much to do, and nothing else.
func TestWhatPassesIsWaitedFor(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want bool
	}{
		"not reached":      {fmt.Errorf("list: %w", &url.Error{Op: "Get", URL: "https://x", Err: errors.New("connection refused")}), true},
		"too much to do":   {apierrors.NewTooManyRequests("later", 1), true},
		"its own mistake":  {apierrors.NewInternalError(errors.New("etcd")), true},
		"refused":          {apierrors.NewForbidden(schema.GroupResource{}, "x", errors.New("no")), false},
		"there is no such": {errors.New("there is no run x"), false},
	} {
		if got := passes(tc.err); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
