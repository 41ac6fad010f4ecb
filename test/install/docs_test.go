package install

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var block = regexp.MustCompile("(?ms)^```(sh|yaml)\n(.*?)^```$")

// page reads the blocks of a language that stand under a heading of a how-to.
func page(t *testing.T, file, heading, language string) []string {
	t.Helper()
	var out []string
	for _, match := range block.FindAllStringSubmatch(section(t, file, heading), -1) {
		if match[1] == language {
			out = append(out, match[2])
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no %s below %q", file, language, heading)
	}
	return out
}

// inSentence reads the code that stands under a heading within a sentence, and begins so.
func inSentence(t *testing.T, file, heading, begins string) string {
	t.Helper()
	_, code, found := strings.Cut(section(t, file, heading), "`"+begins)
	code, _, closed := strings.Cut(code, "`")
	if !found || !closed {
		t.Fatalf("%s has no `%s…` below %q", file, begins, heading)
	}
	return begins + code
}

// section is what stands under a heading of a how-to.
func section(t *testing.T, file, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs/how-to", file))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut("\n"+string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// here puts what this cluster has in place of what the docs take for examples.
var here = strings.NewReplacer(
	"registry.example.com/holdfast", "holdfast.test/holdfast",
	"http://prometheus.monitoring:9090", "http://10.0.0.1:9090",
)
