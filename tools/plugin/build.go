package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// build compiles the plugin for a platform: static, and with nothing of this machine in it.
func build(ctx context.Context, source, version string, p platform) ([]byte, error) {
	dir, err := os.MkdirTemp("", "kubectl-holdfast-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "program")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", program, ".")
	cmd.Dir = filepath.Join(source, "cmd", "kubectl-holdfast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS="+p.os, "GOARCH="+p.arch)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("build kubectl-holdfast for %s/%s: %w\n%s", p.os, p.arch, err, problems.String())
	}
	return os.ReadFile(program)
}
