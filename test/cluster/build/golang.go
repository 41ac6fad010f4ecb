package build

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// flags of every build. No cgo: the machine needs no C compiler, and the programs run in a root
// with no libraries.
var flags = []string{"-trimpath", "-buildvcs=false"}

// golang runs the go command in dir and returns what it printed to stdout.
func golang(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("go %s in %s: %w", args[0], dir, ctx.Err())
		}
		return "", fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args, " "), dir, err, problems.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// compiler says which go command builds, and for what machine.
func compiler(ctx context.Context) (string, error) {
	return golang(ctx, ".", "env", "GOVERSION", "GOOS", "GOARCH")
}

// versionFlags stamp the version of module into a Kubernetes program. Without them it calls itself
// v0.0.0-master, which kubectl cannot compare with the server's.
func versionFlags(ctx context.Context, dir, module string) (string, error) {
	if module == "" {
		return "-s -w", nil
	}
	version, err := golang(ctx, dir, "list", "-m", "-f", "{{.Version}}", module)
	if err != nil {
		return "", err
	}
	numbers := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(numbers) != 3 {
		return "", fmt.Errorf("version %q of %s is not major.minor.patch", version, module)
	}
	stamped := "-s -w"
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		stamped += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s -X %[1]s.gitTreeState=clean",
			pkg, version, numbers[0], numbers[1])
	}
	return stamped, nil
}

// Source finds the root of this repository from the working directory upwards.
func Source() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "test", "cluster", "tools", "kubernetes", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the repository: neither %s nor a folder above it is a checkout of Holdfast", start)
		}
	}
}
