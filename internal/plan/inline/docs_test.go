package inline

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/trap"
)

var yamlBlock = regexp.MustCompile("(?s)( *)```yaml\n(.*?)```")

// TestExamplesInTheDocs: every plan in the docs is one that can be followed,
// with no field that there is not. (That the API server takes them too is a
// test on the cluster.)
func TestExamplesInTheDocs(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, page := range append(pages, "../../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			block := strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n")
			var head struct {
				Kind     string
				Metadata struct{ Annotations map[string]string }
			}
			if err := yaml.Unmarshal([]byte(block), &head); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block)
				continue
			}
			var problem error
			switch {
			case head.Kind == "CanaryPlan":
				var plan v1alpha1.CanaryPlan
				if problem = yaml.UnmarshalStrict([]byte(block), &plan); problem == nil {
					plan.Spec.SetDefaults()
					problem = query.ValidatePlan(&plan.Spec, field.NewPath("spec")).ToAggregate()
					for _, trap := range trap.OfPlan(&plan.Spec, 15*time.Second) {
						if !strings.Contains(trap, "divides by zero") { // which these pages speak of
							t.Errorf("%s: %s", page, trap)
						}
					}
				}
			case head.Kind == "" && len(head.Metadata.Annotations) > 0:
				_, errs := Parse(head.Metadata.Annotations)
				problem = errs.ToAggregate()
			default:
				continue
			}
			found[filepath.Base(filepath.Dir(page))]++
			if problem != nil {
				t.Errorf("%s: %v in\n%s", page, problem, block)
			}
		}
	}
	if found["criteria"] < 9 {
		t.Errorf("docs/criteria has %d examples, one for each page and one in annotations are wanted", found["criteria"])
	}
}
