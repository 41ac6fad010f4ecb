// Package hostiletest has what tests of hostile requests have in common.
package hostiletest

import (
	"context"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"holdfast.dev/holdfast/internal/plaintext"
)

// NoPanic is a context whose logger fails the test at a panic: the handlers
// recover from one, log it and answer.
func NoPanic(t *testing.T) context.Context {
	return logr.NewContext(context.Background(), funcr.New(func(_, text string) {
		if strings.Contains(text, "panic:") {
			t.Error(text)
		}
	}, funcr.Options{}))
}

// Plain fails for text that is not fit to be shown.
func Plain(t *testing.T, resp admission.Response) {
	t.Helper()
	texts := resp.Warnings
	if resp.Result != nil {
		texts = append(texts, resp.Result.Message)
	}
	for _, text := range texts {
		if plaintext.Block(text, len(text)+1) != text {
			t.Errorf("not fit to be shown: %q", text)
		}
	}
}
