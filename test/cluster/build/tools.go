package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Tools returns the paths by name of the pinned tools that every cluster needs, building those that
// the cache does not have. source is the root of the repository. What happens is told on progress,
// line by line; nothing is said when all is there.
func Tools(ctx context.Context, source string, progress io.Writer) (map[string]string, error) {
	return provide(ctx, source, progress, func(t tool) bool { return !t.onDemand })
}

// Tool returns the path of the one pinned tool of that name, as Tools does for those of every cluster.
func Tool(ctx context.Context, source, name string, progress io.Writer) (string, error) {
	paths, err := provide(ctx, source, progress, func(t tool) bool { return t.name == name })
	if err == nil && paths[name] == "" {
		err = fmt.Errorf("provide tool %q: none of that name is pinned", name)
	}
	return paths[name], err
}

// provide returns the paths of the wanted tools and builds the missing ones.
func provide(ctx context.Context, source string, progress io.Writer, wanted func(tool) bool) (map[string]string, error) {
	paths, err := toolPaths(ctx, source)
	if err != nil {
		return nil, err
	}
	for _, t := range tools {
		if !wanted(t) {
			delete(paths, t.name)
		}
	}
	if len(missing(paths)) == 0 {
		return paths, nil
	}
	cache, err := CacheDir(programs)
	if err != nil {
		return nil, err
	}
	err = locked(ctx, filepath.Join(cache, "lock"), progress, func() error {
		absent := missing(paths) // again: another start may just have built them
		for i, t := range absent {
			b := toolBuild{tool: t, dir: moduleDir(source, t.module), path: paths[t.name], number: i + 1, of: len(absent)}
			if err := b.run(ctx, progress); err != nil {
				return err
			}
		}
		return nil
	})
	return paths, err
}

func moduleDir(source, module string) string {
	return filepath.Join(source, "test", "cluster", "tools", module)
}

// toolPaths says where in the cache each tool belongs.
func toolPaths(ctx context.Context, source string) (map[string]string, error) {
	cache, err := CacheDir(programs)
	if err != nil {
		return nil, err
	}
	goVersion, err := compiler(ctx)
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	for _, t := range tools {
		files, err := pins(moduleDir(source, t.module))
		if err != nil {
			return nil, fmt.Errorf("read pins of %s: %w", t.name, err)
		}
		folder := t.module + "-" + key(goVersion, append(flags, t.tags), files...)
		paths[t.name] = filepath.Join(cache, folder, t.name)
	}
	return paths, nil
}

// pins is the content of what decides what is built in a module: go.mod, go.sum and its own source,
// if it has any.
func pins(dir string) ([][]byte, error) {
	own, err := filepath.Glob(filepath.Join(dir, "*.go")) // in the order of their names
	if err != nil {
		return nil, err
	}
	var files [][]byte
	for _, path := range append([]string{filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")}, own...) {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files = append(files, content)
	}
	return files, nil
}

// missing are those of paths that are not built yet.
func missing(paths map[string]string) []tool {
	var absent []tool
	for _, t := range tools {
		if paths[t.name] == "" {
			continue
		}
		if _, err := os.Stat(paths[t.name]); err != nil {
			absent = append(absent, t)
		}
	}
	return absent
}

// toolBuild is the building of one tool.
type toolBuild struct {
	tool
	dir        string
	path       string
	number, of int
}

// run builds beside the final path and renames, so a tool in the cache is always whole.
func (b toolBuild) run(ctx context.Context, progress io.Writer) error {
	linker, err := versionFlags(ctx, b.dir, b.versionOf)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.path), 0o755); err != nil {
		return fmt.Errorf("make cache folder: %w", err)
	}
	temporary := b.path + ".building"
	defer func() { _ = os.Remove(temporary) }() // there is none after a success
	args := append([]string{"build"}, flags...)
	args = append(args, "-tags", b.tags, "-ldflags", linker, "-o", temporary)
	if b.lacks != "" {
		completed, err := b.complete(ctx, temporary+".modules")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary + ".modules")
		args = append(args, "-modfile", completed)
	}
	args = append(args, b.pkg)

	label := fmt.Sprintf("building %s, %d of %d, once (about %s with nothing compiled yet)", b.name, b.number, b.of, b.firstTime)
	err = watched(progress, label, func() error {
		_, err := golang(ctx, b.dir, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("build %s: %w", b.name, err)
	}
	if err := os.Rename(temporary, b.path); err != nil {
		return fmt.Errorf("put %s into the cache: %w", b.name, err)
	}
	return nil
}

// complete copies the tool's own module into a folder, with the file that it lacks, and returns the go.mod
// that has it be built from there.
func (b toolBuild) complete(ctx context.Context, folder string) (string, error) {
	path, err := golang(ctx, b.dir, "list", "-f", "{{.Module.Path}}", b.pkg)
	if err != nil {
		return "", err
	}
	published, err := golang(ctx, b.dir, "list", "-m", "-f", "{{.Dir}}", path)
	if err != nil {
		return "", err
	}
	module := filepath.Join(folder, "module")
	if err := os.CopyFS(module, os.DirFS(published)); err != nil {
		return "", fmt.Errorf("copy module %s: %w", path, err)
	}
	lacking := filepath.Join(module, b.lacks)
	if err := errors.Join(os.MkdirAll(filepath.Dir(lacking), 0o755), os.WriteFile(lacking, nil, 0o644)); err != nil {
		return "", fmt.Errorf("complete module %s: %w", path, err)
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join(b.dir, name))
		if err != nil {
			return "", fmt.Errorf("read pins of %s: %w", b.name, err)
		}
		if name == "go.mod" {
			content = fmt.Appendf(content, "\nreplace %s => %s\n", path, module)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return "", fmt.Errorf("write pins of %s: %w", b.name, err)
		}
	}
	return filepath.Join(folder, "go.mod"), nil
}
