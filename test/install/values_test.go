package install

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// TestTheSchemaRefuses mistakes, with the place of each.
func TestTheSchemaRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ value, says string }{
		"a value that is none":          {"replica=3", "'replica'"},
		"a value that is none, below":   {"image.tagg=v1", "'/image'"},
		"a number that is none":         {"replicas=two", "'/replicas'"},
		"a negative number":             {"replicas=-1", "'/replicas'"},
		"a truth that is none":          {"networkPolicy.enabled=on", "'/networkPolicy/enabled'"},
		"a list that is none":           {"extraArgs=--max-runs=3", "'/extraArgs'"},
		"an argument that is no flag":   {"extraArgs={backtest}", "'/extraArgs/0'"},
		"a URL that is none":            {"prometheus.url=prometheus:9090", "'/prometheus/url'"},
		"a password in a URL":           {"prometheus.url=http://u:p@prometheus", "'/prometheus/url'"},
		"an endpoint without URL":       {"prometheus.endpoints[0].name=a", "'/prometheus/endpoints/0'"},
		"certificates from nowhere":     {"certificates.mode=letsencrypt", "'/certificates/mode'"},
		"an issuer without name":        {"certificates.issuerRef.kind=Issuer", "'/certificates/issuerRef'"},
		"a namespace that cannot be":    {"excludedNamespaces={Shop}", "'/excludedNamespaces/0'"},
		"a digest that is none":         {"image.digest=latest", "'/image/digest'"},
		"a port that is none":           {"networkPolicy.apiServerPorts={0}", "'/networkPolicy/apiServerPorts/0'"},
		"a pull policy that is none":    {"image.pullPolicy=Sometimes", "'/image/pullPolicy'"},
		"a log level that is none":      {"logging.level=verbose", "'/logging/level'"},
		"an interval that is none":      {"prometheus.scrapeInterval=often", "'/prometheus/scrapeInterval'"},
		"a label that is no string":     {"podLabels.a=1", "'/podLabels/a'"},
		"a pull secret without a name":  {"imagePullSecrets[0].nam=x", "'/imagePullSecrets/0'"},
		"resources that do not exist":   {"resources.request.cpu=1", "'/resources'"},
		"a disruption budget in words":  {"podDisruptionBudget.maxUnavailable=half", "'/podDisruptionBudget/maxUnavailable'"},
		"a label that cannot be":        {"dashboards.label=a b", "'/dashboards/label'"},
		"a condition of uninstall, odd": {"uninstall.hook=maybe", "'/uninstall/hook'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, helm := range helms {
				_, stderr, err := run(t, helm, "template", chart, "--kube-version="+kubeVersion, "--set="+tc.value)
				if err == nil || !strings.Contains(stderr, tc.says) {
					t.Errorf("%s with %s says (%v), want %s:\n%s", helm, tc.value, err, tc.says, stderr)
				}
			}
		})
	}
}

// TestEveryValueHasASchema: what values.yaml has and what the schema allows are the same.
func TestEveryValueHasASchema(t *testing.T) {
	t.Parallel()
	var values map[string]any
	var schema node
	if err := yaml.Unmarshal(read(t, "values.yaml"), &values); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(read(t, "values.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	got, want := leaves("", values, schema), schema.leaves("")
	want = slices.DeleteFunc(want, func(path string) bool { return path == ".global" }) // Helm's own
	for _, path := range want {
		if !slices.Contains(got, path) {
			t.Errorf("values.yaml does not have %s", path)
		}
	}
	for _, path := range got {
		if !slices.Contains(want, path) {
			t.Errorf("the schema does not know %s", path)
		}
	}
	if len(want) < 30 {
		t.Errorf("the schema has %d values only; is the test looking in the right place?", len(want))
	}
}

// TestEveryValueSaysWhatItIs: each has a comment above it, from which its line in
// docs/reference/chart.md is made.
func TestEveryValueSaysWhatItIs(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(read(t, "values.yaml")), "\n")
	for i, line := range lines {
		key, value, isKey := strings.Cut(strings.TrimSpace(line), ":")
		if !isKey || strings.HasPrefix(key, "#") || value == "" { // of a map only what is in it
			continue
		}
		if above := strings.TrimSpace(lines[i-1]); !strings.HasPrefix(above, "# ") {
			t.Errorf("values.yaml, line %d: %s has no comment", i+1, key)
		}
	}
}

// TestValuesReachThePod: a table of values and the words that they put into the Deployment.
func TestValuesReachThePod(t *testing.T) {
	t.Parallel()
	for value, words := range map[string]string{
		"image.digest=sha256:" + strings.Repeat("a", 64): `"image":"holdfast.dev/holdfast@sha256:aaaa`,
		"image.pullPolicy=Always":                        `"imagePullPolicy":"Always"`,
		"imagePullSecrets[0].name=pull":                  `"imagePullSecrets":[{"name":"pull"}]`,
		"replicas=3":                                     `"replicas":3`,
		"resources.limits.memory=1Gi":                    `{"name":"GOMEMLIMIT","value":"921MiB"}`,
		"resources.requests.memory=96Mi":                 `"memory":"96Mi"`,
		"prometheus.scrapeInterval=30s":                  `--prometheus-scrape-interval=30s`,
		"prometheus.endpoints[0].name=eu,prometheus.endpoints[0].url=http://p": `"configMap":{"name":"holdfast-endpoints"}`,
		"notifiers.file.notifiers[0].name=ci":                                  `"--notifiers=/etc/holdfast/notifiers/notifiers.yaml"`,
		"hooks.hosts={gate.example.com,*.test.svc:*}":                          `"--hook-hosts=gate.example.com,*.test.svc:*"`,
		"notifiers.secret=receivers":                                           `{"name":"notifiers-secret","secret":{"secretName":"receivers"}}`,
		"certificates.mode=cert-manager":                                       `--certificates=cert-manager`,
		"clientCA.configMap=clients,clientCA.name=apiserver":                   `"--client-ca-file=/etc/holdfast/client-ca/ca.crt","--client-name=apiserver"`,
		"excludedNamespaces={kube-system,monitoring}":                          `--excluded-namespaces=kube-system,monitoring`,
		"logging.level=debug,logging.encoder=console":                          `"--zap-log-level=debug","--zap-encoder=console"`,
		"logging.level=4":                           `"--zap-log-level=4"`,
		"extraArgs={--max-runs=20}":                 `"--max-runs=20"]`,
		"nodeSelector.pool=system":                  `"nodeSelector":{"pool":"system"}`,
		"tolerations[0].operator=Exists":            `"tolerations":[{"operator":"Exists"}]`,
		"priorityClassName=system-cluster-critical": `"priorityClassName":"system-cluster-critical"`,
		"podAnnotations.team=sre":                   `"team":"sre"`,
		"podLabels.team=sre":                        `"team":"sre"`,
		"extraVolumes[0].name=token,extraVolumeMounts[0].mountPath=/token": `"mountPath":"/token"`,
	} {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			deployment := helmTemplate(t, "helm4", "holdfast-system", "--set="+value)["Deployment.apps holdfast-system/holdfast"]
			text, err := json.Marshal(deployment)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), words) {
				t.Errorf("the Deployment does not have %s:\n%s", words, text)
			}
		})
	}
}

// TestWebhooksAreNotCalledForExcludedNamespaces, whatever their number.
func TestWebhooksAreNotCalledForExcludedNamespaces(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`excludedNamespaces=["kube-system", "monitoring"]`: `"values":["canary-system","kube-system","monitoring"]`,
		`excludedNamespaces=[]`:                            `"values":["canary-system"]`,
		`excludedNamespaces=["1"]`:                         `"values":["canary-system","1"]`,
	} {
		config := helmTemplate(t, "helm4", "canary-system", "--set-json="+value)["MutatingWebhookConfiguration.admissionregistration.k8s.io /holdfast"]
		hooks, _, err := unstructured.NestedSlice(config, "webhooks")
		if err != nil || len(hooks) == 0 {
			t.Fatalf("webhooks: %v", err)
		}
		for _, hook := range hooks {
			if text, _ := json.Marshal(hook); !strings.Contains(string(text), want) {
				t.Errorf("with %s a webhook does not have %s:\n%s", value, want, text)
			}
		}
	}
}

// node is a part of a JSON schema.
type node struct {
	Properties map[string]node
}

// leaves are the paths of the values that have none below them.
func (n node) leaves(path string) []string {
	if len(n.Properties) == 0 {
		return []string{path}
	}
	var out []string
	for name, below := range n.Properties {
		out = append(out, below.leaves(path+"."+name)...)
	}
	slices.Sort(out)
	return out
}

// leaves are the paths of values, as deep as the schema goes; a map that the schema describes no
// further is one value.
func leaves(path string, value any, schema node) []string {
	fields, isMap := value.(map[string]any)
	if !isMap || len(schema.Properties) == 0 {
		return []string{path}
	}
	if path == ".resources" { // a choice of fields
		return schema.leaves(path)
	}
	var out []string
	for name, below := range fields {
		out = append(out, leaves(path+"."+name, below, schema.Properties[name])...)
	}
	return out
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	content, err := os.ReadFile(chart + "/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestCredentialsOfHooksByTheDocs: the values of docs/how-to/gates.md mount the Secret that its command makes
// where the flag reads it.
func TestCredentialsOfHooksByTheDocs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(page(t, "gates.md", "### Say who Holdfast is", "yaml")[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	deployment, err := json.Marshal(helmTemplate(t, "helm4", "holdfast-system", "--values="+file)["Deployment.apps holdfast-system/holdfast"])
	if err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		`"--hook-hosts=gate.example.com"`, `"--hook-credentials=gate.example.com=/etc/holdfast/hooks/gate"`,
		`{"mountPath":"/etc/holdfast/hooks","name":"hooks","readOnly":true}`, `{"name":"hooks","secret":{"secretName":"holdfast-hooks"}}`,
	} {
		if !strings.Contains(string(deployment), words) {
			t.Errorf("the Deployment does not have %s:\n%s", words, deployment)
		}
	}
}
