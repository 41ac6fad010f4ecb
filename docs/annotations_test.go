package docs

import (
	"os"
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

// TestWhatBecomesOfEachAnnotationOfACopy: docs/how-to/backup-and-restore.md has a row for each that
// Holdfast writes.
func TestWhatBecomesOfEachAnnotationOfACopy(t *testing.T) {
	page, err := os.ReadFile("how-to/backup-and-restore.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range v1alpha1.OwnAnnotations {
		if !strings.Contains(string(page), "\n| `"+key+"` | ") {
			t.Errorf("the page has no row for %s", key)
		}
	}
}
