package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/semaphore"
)

// smallObject is up to how many bytes of JSON an object needs no turn.
const smallObject = 256 << 10

// reader reads the text of a list. From the first large object on it has one of the
// turns for those, until its end: what the object was read into stays until then.
type reader struct {
	from  io.Reader
	ctx   context.Context
	large *semaphore.Weighted
	// left is how much may still be read, below zero for no limit; object is how much
	// was read since the last object.
	left, object int64
	// until is the time up to when it is read, zero for no limit.
	until   time.Time
	hasTurn bool
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 || !r.until.IsZero() && time.Now().After(r.until) {
		return 0, ErrTooMuch
	}
	if r.object > smallObject && !r.hasTurn {
		if err := r.takeTurn(); err != nil {
			return 0, err
		}
	}
	p = p[:min(len(p), smallObject)]
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	n, err := r.from.Read(p)
	r.object += int64(n)
	if r.left > 0 {
		r.left -= int64(n)
	}
	return n, err
}

func (r *reader) takeTurn() error {
	ctx := r.ctx
	if !r.until.IsZero() {
		until, cancel := context.WithDeadline(ctx, r.until)
		defer cancel()
		ctx = until
	}
	err := r.large.Acquire(ctx, 1)
	switch {
	case err != nil && r.ctx.Err() == nil:
		return fmt.Errorf("wait for other large lists: %w", ErrTooMuch)
	case err != nil:
		return fmt.Errorf("wait for other large lists: %w", err)
	}
	r.hasTurn = true
	return nil
}

func (r *reader) end() {
	if r.hasTurn {
		r.large.Release(1)
	}
}

// eachItem visits the objects of a list in JSON. A list that is cut off is an error.
func eachItem(from *reader, visit func([]byte) error) error {
	text := json.NewDecoder(from)
	if err := expect(text, json.Delim('{')); err != nil {
		return err
	}
	var value json.RawMessage
	for text.More() {
		key, err := text.Token()
		if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		if key != "items" {
			if err := text.Decode(&value); err != nil {
				return fmt.Errorf("read %s of list: %w", key, err)
			}
			continue
		}
		start, err := text.Token()
		if err != nil {
			return fmt.Errorf("read list: %w", err)
		}
		if start == nil { // null
			continue
		}
		for text.More() {
			if err := text.Decode(&value); err != nil {
				return fmt.Errorf("read list: %w", err)
			}
			if err := visit(value); err != nil {
				return err
			}
			from.object = 0
		}
		if err := expect(text, json.Delim(']')); err != nil {
			return err
		}
	}
	return expect(text, json.Delim('}'))
}

func expect(text *json.Decoder, want json.Delim) error {
	got, err := text.Token()
	if err != nil {
		return fmt.Errorf("read list: %w", err)
	}
	if got != want {
		return fmt.Errorf("read list: want %s, got %v", want, got)
	}
	return nil
}
