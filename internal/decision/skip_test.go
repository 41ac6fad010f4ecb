package decision

import (
	"strings"
	"testing"

	"holdfast.dev/holdfast/api/v1alpha1"
)

func TestSkip(t *testing.T) {
	const used = `{"reason":"hotfix","hash":"h","user":"ann","at":"2026-05-04T12:00:00Z"}`
	for name, tc := range map[string]struct {
		annotations   map[string]string
		reason        string
		says, mistake string
	}{
		"of what is held":                      {map[string]string{v1alpha1.HeldAnnotation: "{}"}, "hotfix", "skipped: the update that was held passes", ""},
		"of what comes":                        {nil, "hotfix", "skips the canary of its next update", ""},
		"another reason than the one used up":  {map[string]string{v1alpha1.SkippedAnnotation: used}, "more", "skips the canary", ""},
		"the reason that was used up":          {map[string]string{v1alpha1.SkippedAnnotation: used}, "hotfix", "", `the reason "hotfix" was used up by ann at 2026-05-04T12:00:00Z`},
		"a reason that stands there in vain":   {map[string]string{v1alpha1.HeldAnnotation: "{}", v1alpha1.SkipAnnotation: "hotfix"}, "hotfix", "", "is held all the same; give another"},
		"no reason":                            {nil, " ", "", "--reason is missing"},
		"a memory that cannot be read is none": {map[string]string{v1alpha1.SkippedAnnotation: "?"}, "hotfix", "skips the canary", ""},
	} {
		t.Run(name, func(t *testing.T) {
			says, err := Skip(tc.annotations, tc.reason)
			if err != nil && (tc.mistake == "" || !strings.Contains(err.Error(), tc.mistake)) || err == nil && (tc.mistake != "" || !strings.Contains(says, tc.says)) {
				t.Errorf("%q, %v", says, err)
			}
		})
	}
}
