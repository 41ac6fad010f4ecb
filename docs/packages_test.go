package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pathInCode is a path of the repository, in backticks.
var pathInCode = regexp.MustCompile("`((?:api|internal|webhook|evaluator|certs|cmd|docs|test|tools|manifests)(?:/[A-Za-z0-9_.-]+)*)`")

// TestThePathsOfTheMapExist: those in the table of packages and on the page of where to change what.
func TestThePathsOfTheMapExist(t *testing.T) {
	for _, page := range []string{"architecture.md", "where.md"} {
		found := pathInCode.FindAllStringSubmatch(read(t, page), -1)
		if len(found) < 10 {
			t.Fatalf("%s names %d paths", page, len(found))
		}
		for _, path := range found {
			if _, err := os.Stat(filepath.Join("..", path[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestEveryPackageIsOnTheMap: in the table of packages.
func TestEveryPackageIsOnTheMap(t *testing.T) {
	onMap := map[string]bool{}
	for _, path := range pathInCode.FindAllStringSubmatch(read(t, "architecture.md"), -1) {
		onMap[path[1]] = true
	}
	for _, root := range []string{"api", "internal", "webhook", "evaluator", "certs", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", root), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../")
			if !onMap[folder] {
				t.Errorf("package %s is not in the table of docs/architecture.md", folder)
				onMap[folder] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
