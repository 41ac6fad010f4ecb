package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// Diff tells people in what two JSON values differ: a line for each leaf that one of them has (-)
// and for each that the other has (+). It is "" only if they are equal.
func Diff(a, b any) string {
	if cmp.Equal(a, b) {
		return ""
	}
	left, right := leaves(a), leaves(b)
	var lines []string
	for _, path := range differing(a, b) {
		if value, found := left[path]; found {
			lines = append(lines, fmt.Sprintf("%s = %v (-)", path, value))
		}
		if value, found := right[path]; found {
			lines = append(lines, fmt.Sprintf("%s = %v (+)", path, value))
		}
	}
	if len(lines) == 0 { // another order, or an empty object
		return cmp.Diff(a, b)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n") + "\n"
}
