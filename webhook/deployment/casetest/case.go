// Package casetest reads the golden admission cases of webhook/deployment/testdata/admission,
// for the tests that run them in memory and for those that run them against a
// real API server.
package casetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/jsontree"
)

// Case is one update of a Deployment that stands in some state. All patches are
// JSON merge patches: of the Deployment on Base, of a template on that of Base.
type Case struct {
	// Name is the name of the file.
	Name string `json:"-"`
	// Sentence is what the case proves.
	Sentence string `json:"sentence"`
	// Stable is the Deployment in the cluster, a patch of the Deployment.
	Stable map[string]any `json:"stable,omitempty"`
	// Held is the held template, a patch of the template.
	Held map[string]any `json:"held,omitempty"`
	// HeldChangeCause is the annotation kubernetes.io/change-cause that is held with it.
	HeldChangeCause string `json:"heldChangeCause,omitempty"`
	// Rejected are templates that were rejected, Revisions those of earlier
	// ReplicaSets, oldest first; patches of the template.
	Rejected []map[string]any `json:"rejected,omitempty"`
	// Elsewhere are templates that were rejected at the Deployment of which this one
	// is a copy.
	Elsewhere []map[string]any `json:"elsewhere,omitempty"`
	// Passed are templates whose dry run passed.
	Passed    []map[string]any `json:"passed,omitempty"`
	Revisions []map[string]any `json:"revisions,omitempty"`
	// Skipped is the value of holdfast.dev/skip that was used up.
	Skipped string `json:"skipped,omitempty"`
	// Stamped is the template that was let through last, a patch of the template; nil
	// where the Deployment has no stamp.
	Stamped map[string]any `json:"stamped,omitempty"`
	// Unavailable: no pod of the Deployment is Ready.
	Unavailable bool `json:"unavailable,omitempty"`
	// MemoryOnly says why the case cannot be run against a real API server.
	MemoryOnly string `json:"memoryOnly,omitempty"`
	// Request is the update.
	Request Submission `json:"request"`
}

// Golden is the answer to a case, its held record opened.
type Golden struct {
	Denied   string           `json:"denied,omitempty"`
	Warnings []string         `json:"warnings,omitempty"`
	Patch    []map[string]any `json:"patch,omitempty"`
	Record   *hold.Record     `json:"record,omitempty"`
}

// LoadGolden reads the answer to a case.
func LoadGolden(dir, name string) (Golden, error) {
	var g Golden
	data, err := os.ReadFile(filepath.Join(dir, name+".golden"))
	if err != nil {
		return g, err
	}
	return g, yaml.Unmarshal(data, &g)
}

// Submission is an update of the Deployment of a case.
type Submission struct {
	// Entry is the entry of the webhook configuration: "enabled" (default),
	// "required" or "deployment".
	Entry string `json:"entry,omitempty"`
	// User is who sends it (default "jane"); "evaluator" stands for the evaluator.
	User string `json:"user,omitempty"`
	// Manager is the field manager.
	Manager string `json:"manager,omitempty"`
	// Bypass is whether the user may update without a canary: "yes" (default),
	// "no", or "unknown" where the API server cannot be asked.
	Bypass string `json:"bypass,omitempty"`
	// Create: the Deployment does not exist yet.
	Create bool `json:"create,omitempty"`
	// Patch makes the object of the request from the one in the cluster.
	Patch map[string]any `json:"patch,omitempty"`
}

// Base is the Deployment that cases start from.
const Base = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: app
        image: holdfast.test/app:v1
`

// Load reads all cases of a folder, in the order of their names.
func Load(dir string) ([]Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no cases in %s", dir)
	}
	var cases []Case
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c := Case{Name: strings.TrimSuffix(filepath.Base(file), ".yaml")}
		if err := yaml.UnmarshalStrict(data, &c); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		cases = append(cases, c)
	}
	return cases, nil
}

// Deployment is Base with a merge patch.
func Deployment(patch map[string]any) (map[string]any, error) {
	var base map[string]any
	if err := yaml.Unmarshal([]byte(Base), &base); err != nil {
		return nil, err
	}
	return Patched(base, patch)
}

// Template is the template of Base with a merge patch.
func Template(patch map[string]any) (map[string]any, error) {
	d, err := Deployment(map[string]any{"spec": map[string]any{"template": patch}})
	if err != nil {
		return nil, err
	}
	return d["spec"].(map[string]any)["template"].(map[string]any), nil
}

// Patched is an object with a merge patch; whole numbers are int64.
func Patched(object, patch map[string]any) (map[string]any, error) {
	before, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	if len(patch) > 0 {
		change, err := json.Marshal(patch)
		if err != nil {
			return nil, err
		}
		if before, err = jsonpatch.MergePatch(before, change); err != nil {
			return nil, err
		}
	}
	var out map[string]any
	return out, jsontree.Unmarshal(before, &out)
}

// Stored is the object that is stored after an answer.
func Stored(ctx context.Context, handler admission.Handler, req admission.Request) (map[string]any, error) {
	resp := handler.Handle(ctx, req)
	if !resp.Allowed {
		return nil, fmt.Errorf("refused: %v", resp.Result)
	}
	if err := resp.Complete(req); err != nil {
		return nil, err
	}
	stored := req.Object.Raw
	if len(resp.Patch) > 0 {
		patch, err := jsonpatch.DecodePatch(resp.Patch)
		if err != nil {
			return nil, err
		}
		if stored, err = patch.Apply(stored); err != nil {
			return nil, err
		}
	}
	var out map[string]any
	err := json.Unmarshal(stored, &out)
	return out, err
}
