package check

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestManifests: what is found in each file of testdata stands in the file beside it.
func TestManifests(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found, looked := Manifests(string(text), 15*time.Second)
			got := fmt.Sprintf("%d objects\n", looked)
			for _, f := range found {
				got += f.In(filepath.Base(file)) + "\n"
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestEveryStyleOfTextHasItsPlaces: the mistake is always at the placeholder that there is not.
func TestEveryStyleOfTextHasItsPlaces(t *testing.T) {
	for name, written := range map[string]string{
		"plain":                   "query: up + rate(x{ {{nope}} }[1m])",
		"single quotes":           "query: 'up + rate(x{ {{nope}} }[1m])'",
		"double quotes":           `query: "up + rate(x{ {{nope}} }[1m])"`,
		"literal":                 "query: |\n          up\n          + rate(x{ {{nope}} }[1m])",
		"folded":                  "query: >-\n          up\n          +\n          rate(x{ {{nope}} }[1m])",
		"folded, with paragraphs": "query: >\n          up\n\n          + rate(\n          x{ {{nope}} }[1m])",
		"in a flow":               "{query: 'up + rate(x{ {{nope}} }[1m])'}",
	} {
		t.Run(name, func(t *testing.T) {
			text := "apiVersion: holdfast.dev/v1alpha1\nkind: CanaryPlan\nspec:\n  analysis:\n    metrics:\n    - name: a\n      range: {max: 1}\n      "
			if strings.HasPrefix(written, "{") {
				text = strings.TrimSuffix(text, "- name: a\n      range: {max: 1}\n      ") + "- " + strings.Replace(written, "{query", "{name: a, range: {max: 1}, query", 1)
			} else {
				text += written
			}
			found, _ := Manifests(text+"\n", time.Second)
			if len(found) != 1 {
				t.Fatalf("found %+v in\n%s", found, text)
			}
			line := []rune(strings.Split(text, "\n")[found[0].Line-1])
			if got := string(line[min(found[0].Column-1, len(line)):]); !strings.HasPrefix(got, "{{nope}}") {
				t.Errorf("%d:%d is at %q", found[0].Line, found[0].Column, got)
			}
		})
	}
}

var yamlBlock = regexp.MustCompile("(?s)\n```yaml\n(.*?)```")

// TestPlansInTheDocsAreFine: none has a mistake.
func TestPlansInTheDocsAreFine(t *testing.T) {
	pages, err := filepath.Glob("../../../docs/*/*.md")
	if err != nil {
		t.Fatal(err)
	}
	plans := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			found, looked := Manifests(block[1], 15*time.Second)
			plans += looked
			for _, f := range found {
				if f.Severity == Mistake {
					t.Errorf("%s\n%s", f.In(page), block[1])
				}
			}
		}
	}
	if plans < 10 {
		t.Errorf("the docs have %d objects; is the test looking in the right place?", plans)
	}
}

// FuzzManifests: whatever the text is, nothing panics and every place is in it.
func FuzzManifests(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, _ := Manifests(text, time.Second)
		for _, finding := range found {
			if finding.Line < 1 || finding.Line > strings.Count(text, "\n")+2 || finding.Column < 1 {
				t.Errorf("%+v", finding)
			}
		}
	})
}
