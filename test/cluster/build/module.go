package build

import "context"

// Module returns the folder of a Go module that the tools of a module under test/cluster/tools are
// made of, for the files beside its programs.
func Module(ctx context.Context, source, tools, path string) (string, error) {
	if _, err := golang(ctx, moduleDir(source, tools), "mod", "download", path); err != nil {
		return "", err
	}
	return golang(ctx, moduleDir(source, tools), "list", "-m", "-f", "{{.Dir}}", path)
}
