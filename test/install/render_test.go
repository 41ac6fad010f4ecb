// Package install compares what the Helm chart and the kustomizations install,
// as rendered by Helm itself and by kubectl.
package install

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"holdfast.dev/holdfast/test/cluster/build"
)

const (
	chart = "../../manifests/chart/holdfast"
	// kubeVersion is what Helm shall think that it renders for.
	kubeVersion = "v1.30.0"
)

// helms are the versions of Helm that people use.
var helms = []string{"helm3", "helm4"}

// objects are those of an installation, by kind and name.
type objects map[string]map[string]any

// tool is the path of a tool of the test cluster, built if it has never been.
func tool(t *testing.T, name string) string {
	t.Helper()
	source, err := build.Source()
	if err != nil {
		t.Fatal(err)
	}
	path, err := build.Tool(t.Context(), source, name, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a tool and returns what it has to say.
func run(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, name), args...)
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home, "HELM_DATA_HOME="+home)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

// helmTemplate is what a version of Helm installs into a namespace.
func helmTemplate(t *testing.T, helm, namespace string, args ...string) objects {
	t.Helper()
	command := append([]string{"template", "any-name", chart, "--namespace=" + namespace, "--kube-version=" + kubeVersion}, args...)
	stdout, stderr, err := run(t, helm, command...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", helm, strings.Join(command, " "), err, stderr)
	}
	return decode(t, stdout)
}

// kustomize is what a kustomization installs.
func kustomize(t *testing.T, folder string) objects {
	t.Helper()
	stdout, stderr, err := run(t, "kubectl", "kustomize", folder)
	if err != nil {
		t.Fatalf("kubectl kustomize %s: %v\n%s", folder, err, stderr)
	}
	return decode(t, stdout)
}

// overlay makes a kustomization; MANIFESTS in it stands for the folder of the manifests.
func overlay(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	manifests, err := filepath.Abs("../../manifests")
	if err == nil {
		manifests, err = filepath.Rel(dir, manifests)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(strings.ReplaceAll(content, "MANIFESTS", manifests)), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// decode reads a stream of objects. There may be no two of one kind and name.
func decode(t *testing.T, stream string) objects {
	t.Helper()
	out := objects{}
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096); ; {
		var o map[string]any
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("read what was rendered: %v", err)
		}
		if len(o) == 0 {
			continue
		}
		u := unstructured.Unstructured{Object: o}
		id := fmt.Sprintf("%s %s/%s", u.GroupVersionKind().GroupKind(), u.GetNamespace(), u.GetName())
		if out[id] != nil {
			t.Errorf("%s is there twice", id)
		}
		out[id] = o
	}
}

// without is the objects that a test is not about left out.
func (o objects) without(leftOut func(unstructured.Unstructured) bool) objects {
	out := objects{}
	for id, object := range o {
		if !leftOut(unstructured.Unstructured{Object: object}) {
			out[id] = object
		}
	}
	return out
}
