package decision

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"holdfast.dev/holdfast/api/v1alpha1"
	"holdfast.dev/holdfast/internal/hold"
	"holdfast.dev/holdfast/internal/plaintext"
)

// Skip says what a reason to skip a canary does to the Deployment with these annotations, or why it does
// nothing: a reason counts once, and one that stands there already was not set by the request.
func Skip(annotations map[string]string, reason string) (string, error) {
	if strings.TrimSpace(reason) == "" {
		return "", errors.New("--reason is missing: say why this update has no canary")
	}
	const maxShown = 100
	shown := plaintext.Line(reason, maxShown)
	if last, err := hold.ParseSkipped(annotations[v1alpha1.SkippedAnnotation]); err == nil && last.Reason == reason {
		return "", fmt.Errorf("the reason %q was used up by %s at %s; a reason counts once, give another", shown,
			plaintext.Line(last.User, maxShown), last.At.UTC().Format(time.RFC3339))
	}
	held := annotations[v1alpha1.HeldAnnotation] != ""
	switch {
	case annotations[v1alpha1.SkipAnnotation] == reason && held:
		return "", fmt.Errorf("the Deployment has the reason %q already, and its update is held all the same; give another", shown)
	case held:
		return "skipped: the update that was held passes without a canary", nil
	}
	return "skips the canary of its next update, if whoever makes that may", nil
}
