package endpoint

import (
	"iter"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const whole = `
endpoints:
- name: thanos
  url: https://thanos-query.monitoring.svc:9091/prefix
  namespaces: [shop, "team-*"]
  auth: {bearerTokenFile: /etc/prom/token}
  tls: {caFile: /etc/prom/ca.crt, certFile: /etc/prom/tls.crt, keyFile: /etc/prom/tls.key, serverName: thanos}
  headers: {X-Scope-OrgID: shop}
  labels: {namespace: kubernetes_namespace, pod: kubernetes_pod_name}
  scrapeInterval: 30s
  limits: {timeout: 20s, concurrency: 4, maxResponse: 1Mi}
- name: mimir
  url: http://mimir.monitoring.svc/prometheus
  auth: {basic: {username: holdfast, passwordFile: /etc/mimir/password}}
`

func TestParse(t *testing.T) {
	got, errs := Parse([]byte(whole), PodLabels{Namespace: "namespace", Pod: "pod"})
	if len(errs) > 0 {
		t.Fatal(errs.ToAggregate())
	}
	if len(got) != 2 {
		t.Fatalf("%d endpoints", len(got))
	}
	a, b := got[0], got[1]
	if a.Limits.MaxResponse.Value() != 1<<20 || a.ScrapeInterval.Duration != 30*time.Second || a.Labels.Pod != "kubernetes_pod_name" || a.TLS.ServerName != "thanos" {
		t.Errorf("got %+v", a)
	}
	if b.Limits.MaxResponse.Value() != DefaultMaxResponse || b.Limits.Timeout.Duration != DefaultTimeout || b.Limits.Concurrency != DefaultConcurrency ||
		b.ScrapeInterval.Duration != DefaultScrapeInterval || b.Labels != (PodLabels{"namespace", "pod"}) || b.Auth.Basic.Username != "holdfast" {
		t.Errorf("defaults are not set: %+v", b)
	}
}

// TestTheExampleInTheDocs: it is right, and shows every field there is.
func TestTheExampleInTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/how-to/connect-prometheus.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, _ := strings.Cut(rest, "```")
	if got, errs := Parse([]byte(example), PodLabels{}); len(errs) > 0 || len(got) < 3 {
		t.Errorf("%d endpoints, %v", len(got), errs)
	}
	for field := range fields(reflect.TypeFor[Definition]()) {
		if !strings.Contains(example, field+":") {
			t.Errorf("the example does not show %s", field)
		}
	}
}

// fields are the names of all fields in YAML, those of structs within included.
func fields(of reflect.Type) iter.Seq[string] {
	return func(yield func(string) bool) {
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !yield(name) {
				return
			}
			inner := field.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() != reflect.Struct || inner.PkgPath() != of.PkgPath() {
				continue
			}
			for name := range fields(inner) {
				if !yield(name) {
					return
				}
			}
		}
	}
}

func TestServes(t *testing.T) {
	e := Definition{Namespaces: []string{"shop", "team-*"}}
	for namespace, want := range map[string]bool{"shop": true, "shopping": false, "team-a": true, "a-team-b": false, "": false} {
		if got := e.Serves(namespace); got != want {
			t.Errorf("Serves(%q) = %t", namespace, got)
		}
	}
	if !(&Definition{}).Serves("any") {
		t.Error("an endpoint without namespaces is for all")
	}
}

func TestParseRefuses(t *testing.T) {
	one := func(lines string) string { return "endpoints:\n- name: a\n  url: https://a\n" + lines }
	for name, tc := range map[string]struct {
		text string
		want []string // one mistake each, in order
	}{
		"empty":            {"", []string{"endpoints: Required value: the file defines no endpoint"}},
		"no YAML":          {"endpoints: [", []string{"endpoints: Invalid value"}},
		"unknown key":      {one("  uri: x"), []string{`unknown field "endpoints[0].uri"`}},
		"key twice":        {one("  name: b"), []string{`key "name" already set`}},
		"wrong type":       {"endpoints: 3", []string{"endpoints: Invalid value: "}},
		"no name":          {"endpoints:\n- url: https://a", []string{"endpoints[0].name: Required value"}},
		"odd name":         {"endpoints:\n- {name: A_b, url: https://a}", []string{"endpoints[0].name: Invalid value: \"A_b\": must be 1 to 63"}},
		"same name":        {one("- {name: a, url: https://b}"), []string{`endpoints[1].name: Duplicate value: "a"`}},
		"no URL":           {"endpoints:\n- name: a", []string{"endpoints[0].url: Required value: must be like"}},
		"no scheme":        {"endpoints:\n- {name: a, url: 'prometheus:9090'}", []string{"endpoints[0].url: Invalid value: \"prometheus:9090\": must be like"}},
		"other scheme":     {"endpoints:\n- {name: a, url: 'file:///etc/passwd'}", []string{"must be like"}},
		"password in URL":  {"endpoints:\n- {name: a, url: 'https://u:secret@a'}", []string{"must have no user and password"}},
		"query in URL":     {"endpoints:\n- {name: a, url: 'https://a?token=secret'}", []string{"must end before ?"}},
		"two ways of auth": {one("  auth: {bearerTokenFile: /a, basic: {username: u, passwordFile: /b}}"), []string{"endpoints[0].auth: Forbidden: name bearerTokenFile or basic"}},
		"relative file":    {one("  auth: {bearerTokenFile: token}"), []string{"endpoints[0].auth.bearerTokenFile: Invalid value: \"token\": must be an absolute path"}},
		"no user":          {one("  auth: {basic: {passwordFile: /b}}"), []string{"endpoints[0].auth.basic.username"}},
		"no password":      {one("  auth: {basic: {username: u}}"), []string{"endpoints[0].auth.basic.passwordFile: Required value"}},
		"half a pair":      {one("  tls: {certFile: /a}"), []string{"certFile and keyFile belong together"}},
		"TLS without TLS":  {"endpoints:\n- {name: a, url: 'http://a', tls: {caFile: /a}}", []string{"endpoints[0].tls: Forbidden: is for URLs with https"}},
		"odd header":       {one("  headers: {'a b': c}"), []string{"endpoints[0].headers[a b]: Invalid value"}},
		"own header":       {one("  headers: {authorization: c}"), []string{"endpoints[0].headers[authorization]: Forbidden: is set by Holdfast; credentials belong under auth"}},
		"header smuggling": {one("  headers: {x: \"a\\r\\ny: z\"}"), []string{"must be one line"}},
		"odd label":        {one("  labels: {pod: 'a\"b'}"), []string{"endpoints[0].labels.pod"}},
		"odd namespace":    {one("  namespaces: ['[']"), []string{"endpoints[0].namespaces[0]"}},
		"odd tenancy":      {one("  tenancy: {label: 'a b', matchers: ['up', 'a=\"{{x}}\"']}"), []string{"endpoints[0].tenancy.label", "endpoints[0].tenancy.matchers[0]", "unknown placeholder"}},
		"odd addresses":    {one("  allowAddresses: [localhost]\n  denyAddresses: [10.0.0.0/33]"), []string{"endpoints[0].allowAddresses[0]: Invalid value: \"localhost\": must be an address", "endpoints[0].denyAddresses[0]"}},
		"long delay":       {one("  delay: 1h"), []string{"endpoints[0].delay: Invalid value: \"1h0m0s\": must be from 0s to 10m"}},
		"own argument":     {one("  arguments: {time: \"0\"}"), []string{"endpoints[0].arguments[time]: Forbidden: is set by Holdfast; delay"}},
		"no argument":      {one("  arguments: {\"a&b\": x}"), []string{"endpoints[0].arguments[a&b]: Invalid value: \"a&b\": is no name of a query argument"}},
		"short interval":   {one("  scrapeInterval: 10ms"), []string{"endpoints[0].scrapeInterval: Invalid value: \"10ms\": must be from 1s"}},
		"odd limits":       {one("  limits: {timeout: 1h, concurrency: -1, maxResponse: 1Gi}"), []string{"limits.timeout", "limits.concurrency", "limits.maxResponse"}},
		"every mistake":    {"endpoints:\n- {name: a, url: x}\n- {name: B, url: https://b}", []string{"endpoints[0].url", "endpoints[1].name"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, errs := Parse([]byte(tc.text), PodLabels{})
			if got != nil || len(errs) != len(tc.want) {
				t.Fatalf("Parse = %v, %v, want %d mistakes", got, errs, len(tc.want))
			}
			for i, want := range tc.want {
				if text := errs[i].Error(); !strings.Contains(text, want) || strings.Contains(text, "secret") {
					t.Errorf("got  %s\nwant %s in it", text, want)
				}
			}
		})
	}
}

// FuzzParse: nothing panics; there are endpoints or mistakes and never both; what
// is taken is complete, and taken again when its defaults are filled in.
func FuzzParse(f *testing.F) {
	f.Add(whole)
	f.Add("endpoints:\n- {name: a, url: 'https://a', headers: {a: b}}")
	f.Add("endpoints: [{}]")
	f.Fuzz(func(t *testing.T, text string) {
		got, errs := Parse([]byte(text), PodLabels{Namespace: "namespace", Pod: "pod"})
		if (len(got) > 0) == (len(errs) > 0) {
			t.Fatalf("%v, %v", got, errs)
		}
		for i := range got {
			before := got[i]
			got[i].SetDefaults(PodLabels{"other", "other"})
			if diff := cmp.Diff(before, got[i]); diff != "" {
				t.Fatalf("defaults were not complete: %s", diff)
			}
			if errs := got[i].validate(nil); len(errs) > 0 {
				t.Fatalf("taken, and refused the second time: %v", errs)
			}
		}
	})
}
