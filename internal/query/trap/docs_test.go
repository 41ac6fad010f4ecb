package trap_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/plan/inline"
	"holdfast.dev/holdfast/internal/query"
	"holdfast.dev/holdfast/internal/query/trap"
)

// scrapeOf is how often pods are scraped: as most are, and each second in tests.
func scrapeOf(path string) time.Duration {
	if strings.HasPrefix(path, "../../../test/") {
		return time.Second
	}
	return 15 * time.Second
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	separator = regexp.MustCompile(`(?m)^---$`)
)

// What the docs show is not warned of: an example that is warned of teaches a trap,
// and a warning that good plans get is not read.
func TestNoExampleIsATrap(t *testing.T) {
	tried := 0
	filesOf(t, []string{".md", ".yaml"}, func(path, text string) {
		blocks := [][]string{{"", text}}
		if strings.HasSuffix(path, ".md") {
			blocks = yamlBlock.FindAllStringSubmatch(text, -1)
		}
		for _, block := range blocks {
			for _, document := range separator.Split(block[1], -1) {
				for _, plan := range plansOf(t, path, document) {
					plan.SetDefaults()
					tried += len(plan.AllMetrics())
					for _, trap := range trap.OfPlan(&plan, scrapeOf(path)) {
						t.Errorf("%s: %s", path, trap)
					}
				}
			}
		}
	}, "../../../docs", "../../../README.md", "../../../test", "../../../manifests")
	if tried < 25 {
		t.Errorf("only %d metrics were found; is the test looking in the right place?", tried)
	}
}

// plansOf are the plans of a document: of a CanaryPlan, a policy, or annotations.
func plansOf(t *testing.T, path, document string) []v1alpha1.CanaryPlanSpec {
	t.Helper()
	var kind struct {
		Kind     string
		Metadata struct{ Annotations map[string]string }
	}
	if yaml.Unmarshal([]byte(document), &kind) != nil { // a template of the chart, or not whole
		return nil
	}
	read := func(into any) {
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	switch kind.Kind {
	case "CanaryPlan":
		var plan v1alpha1.CanaryPlan
		read(&plan)
		return []v1alpha1.CanaryPlanSpec{plan.Spec}
	case "CanaryPolicy":
		var policy v1alpha1.CanaryPolicy
		read(&policy)
		out := []v1alpha1.CanaryPlanSpec{{Analysis: v1alpha1.Analysis{Metrics: policy.Spec.Metrics}}}
		for _, plan := range policy.Spec.Plans {
			out = append(out, plan.Spec)
		}
		return out
	}
	plan, errs := inline.Parse(kind.Metadata.Annotations)
	if len(errs) > 0 {
		t.Errorf("%s: %v", path, errs.ToAggregate())
	}
	if plan == nil {
		return nil
	}
	return []v1alpha1.CanaryPlanSpec{*plan}
}

// testQuery is what stands behind a query in a test, up to the end of the line.
var testQuery = regexp.MustCompile("(?m)\\bquery: ['\"]?(.*)$")

// longest is the longest query that a text begins with.
func longest(text string) (query.Template, bool) {
	for end := len(text); end > 0; end-- {
		if template, err := query.Parse(text[:end]); err == nil {
			return template, true
		}
	}
	return query.Template{}, false
}

// Tests measure in seconds what people do in minutes, and look at one pod by up alone:
// of that traps tell rightly. Nothing else is told of the queries that they judge by.
func TestFewQueriesOfTestsAreTraps(t *testing.T) {
	told := map[string]int{}
	tried := 0
	filesOf(t, []string{".go", ".txt"}, func(path, text string) {
		for _, match := range testQuery.FindAllStringSubmatch(text, -1) {
			template, ok := longest(match[1])
			if !ok {
				continue
			}
			tried++
			for _, trap := range trap.Find(template, trap.Given{Scrape: time.Second, Interval: time.Second, Period: time.Hour}) {
				told[trap.Name]++
				if !slices.Contains([]string{"Series", "NaN", "RawCounter", "NoCanary"}, trap.Name) {
					t.Errorf("%s: %s: %s: %s", path, template, trap.Name, &trap.Error)
				}
			}
		}
	}, "../../../test", "../../../evaluator", "../../../webhook")
	t.Logf("%d queries, %v", tried, told)
	if tried < 50 {
		t.Errorf("only %d queries were found; is the test looking in the right place?", tried)
	}
}

// filesOf reads the files below some places.
func filesOf(t *testing.T, suffixes []string, look func(path, text string), roots ...string) {
	t.Helper()
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains(suffixes, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			look(path, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
