package hold

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"sync"
)

// packers are kept because each takes almost a megabyte.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func pack(content []byte) ([]byte, error) {
	var packed bytes.Buffer
	w := packers.Get().(*gzip.Writer)
	defer packers.Put(w)
	w.Reset(&packed)
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("pack held template: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack held template: %w", err)
	}
	return packed.Bytes(), nil
}

// unpack refuses what is larger than limit bytes when unpacked.
func unpack(packed []byte, limit int64) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack held template: %w", err)
	}
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("unpack held template: %w", err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("unpack held template: it is larger than %d bytes", limit)
	}
	return content, nil
}
