package plans

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/test/e2e/shop"
)

// TestExamplesInTheDocs: every example of a kind is taken by the API server,
// and every plan in annotations is understood.
func TestExamplesInTheDocs(t *testing.T) {
	t.Parallel()
	pages := []string{"../../../README.md"}
	more, err := filepath.Glob("../../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	s := &shop.Shop{T: t, Namespace: "default"}
	plans, annotations := 0, 0
	for _, page := range append(pages, more...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range shop.YAMLBlock.FindAllStringSubmatch(string(text), -1) {
			block := strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n")
			var object struct {
				Kind     string
				Metadata struct{ Annotations map[string]string }
			}
			if err := yaml.Unmarshal([]byte(block), &object); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block)
			}
			if strings.HasPrefix(object.Kind, "Canary") {
				plans++
				example := strings.Replace(block, "namespace: shop", "namespace: default", 1)
				if _, stderr, code := s.Kubectl("apply", "--dry-run=server", "-f", "-", example); code != 0 {
					t.Errorf("%s: %s\n%s", page, stderr, block)
				}
			}
			if object.Kind == "" && len(object.Metadata.Annotations) > 0 {
				annotations++
				if plan, errs := inline.Parse(object.Metadata.Annotations); len(errs) > 0 || plan == nil {
					t.Errorf("%s: %v in\n%s", page, errs, block)
				}
			}
		}
	}
	if plans == 0 || annotations == 0 {
		t.Errorf("the docs have %d plans and %d plans in annotations; is the test looking in the right place?", plans, annotations)
	}
}
