package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The link in a volume that names the folder with its present files, as the kubelet calls it.
// Programs that watch certificates know it.
const dataLink = "..data"

// writePayload makes the files of a volume appear all at once: they are written to a new folder, to
// which the link `..data` is then moved by a rename, and every name in the volume is a link through
// `..data`. Nothing is touched when nothing changed. own is called with every new path.
func writePayload(dir string, files map[string]file, own func(path string) error) error {
	current, _ := os.Readlink(filepath.Join(dir, dataLink))
	if current != "" && same(filepath.Join(dir, current), files) {
		return nil
	}
	fresh, err := os.MkdirTemp(dir, "..data_")
	if err != nil {
		return fmt.Errorf("make payload folder: %w", err)
	}
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	for name, f := range files {
		if err := writeFile(filepath.Join(fresh, name), f, own); err != nil {
			return err
		}
	}
	temporary := filepath.Join(dir, dataLink+"_tmp")
	_ = os.Remove(temporary)
	if err := os.Symlink(filepath.Base(fresh), temporary); err != nil {
		return fmt.Errorf("link payload: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, dataLink)); err != nil {
		return fmt.Errorf("switch payload: %w", err)
	}
	if err := linkNames(dir, files); err != nil {
		return err
	}
	if current != "" {
		return os.RemoveAll(filepath.Join(dir, current))
	}
	return nil
}

func writeFile(path string, f file, own func(string) error) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make folder for %s: %w", path, err)
	}
	if err := os.WriteFile(path, f.data, 0o600); err != nil {
		return fmt.Errorf("write payload: %w", err)
	}
	if err := os.Chmod(path, os.FileMode(f.mode)); err != nil {
		return err
	}
	return own(path)
}

// same says whether the folder holds exactly these files.
func same(dir string, files map[string]file) bool {
	count := 0
	changed := false
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		count++
		name, _ := filepath.Rel(dir, path)
		data, err := os.ReadFile(path)
		if f, wanted := files[name]; !wanted || err != nil || !bytes.Equal(data, f.data) {
			changed = true
		}
		return nil
	})
	return !changed && count == len(files)
}

// linkNames makes a link for the first part of every file's path and takes away those of files that are gone.
func linkNames(dir string, files map[string]file) error {
	wanted := map[string]bool{}
	for name := range files {
		first, _, _ := strings.Cut(name, "/")
		wanted[first] = true
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("list volume: %w", err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if wanted[name] {
			delete(wanted, name)
		} else if !strings.HasPrefix(name, "..") {
			_ = os.Remove(filepath.Join(dir, name))
		}
	}
	for name := range wanted {
		if err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}
