package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	goversion "go/version"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// build compiles Holdfast for a platform: static, and with nothing of this
// machine in it.
func build(ctx context.Context, source, version string, platform v1.Platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "holdfast-image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "holdfast")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", program, "./cmd/holdfast")
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+platform.OS, "GOARCH="+platform.Architecture)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build holdfast: %w\n%s", err, problems.String())
	}
	return os.ReadFile(program)
}

// behind says that a program was built by an older Go than its go.mod asks for:
// with GOTOOLCHAIN=local the one at hand is used, whatever is known of it. It is
// "" where all is well.
func behind(ctx context.Context, source string, program []byte) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "edit", "-json")
	cmd.Dir = source
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("read go.mod: %w", err)
	}
	var mod struct{ Toolchain string }
	if err := json.Unmarshal(text, &mod); err != nil {
		return "", fmt.Errorf("read go.mod: %w", err)
	}
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return "", fmt.Errorf("read what the program is made of: %w", err)
	}
	return olderThan(info.GoVersion, mod.Toolchain), nil
}

func olderThan(used, asked string) string {
	if goversion.Compare(used, asked) >= 0 {
		return ""
	}
	return fmt.Sprintf("built with %s, where go.mod asks for %s: what was mended in between is missing; set GOTOOLCHAIN=%s", used, asked, asked)
}
