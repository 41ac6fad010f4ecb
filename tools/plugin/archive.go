package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"fmt"
	"io"
	"time"
)

// file is what an archive has.
type file struct {
	name    string
	text    []byte
	program bool
}

func (f file) mode() int64 {
	if f.program {
		return 0o755
	}
	return 0o644
}

// made is when all files of an archive were made, so that the same files give the same bytes. It is the
// earliest time that a zip can have.
var made = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func tarred(w io.Writer, files []file) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	out := tar.NewWriter(packed)
	for _, f := range files {
		if err := out.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode(), Size: int64(len(f.text)), ModTime: made, Format: tar.FormatUSTAR}); err != nil {
			return fmt.Errorf("pack %s: %w", f.name, err)
		}
		if _, err := out.Write(f.text); err != nil {
			return fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return packed.Close()
}

func zipped(w io.Writer, files []file) error {
	out := zip.NewWriter(w)
	for _, f := range files {
		entry, err := out.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: made})
		if err != nil {
			return fmt.Errorf("pack %s: %w", f.name, err)
		}
		if _, err := entry.Write(f.text); err != nil {
			return fmt.Errorf("pack %s: %w", f.name, err)
		}
	}
	return out.Close()
}
