package serving

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"holdfast.dev/holdfast/internal/fair"
)

// text is room for the text of requests that wait.
type text struct {
	lock   sync.Mutex
	shares fair.Shares
}

func newText(size int64) *text { return &text{shares: fair.NewShares(size)} }

// read reads a request whole. It takes room for what has come, so that whoever sends slowly takes
// little; where there is none it fails with noSlot, for one that waited with half of its text could
// wait for another one that does. The room is given back by drop, whatever read returns.
func (t *text) read(namespace string, from io.Reader) (all *bytes.Buffer, drop func(), err error) {
	all = &bytes.Buffer{}
	var taken int64
	drop = func() { t.drop(namespace, taken) }
	for {
		n, err := io.CopyN(all, from, headSize)
		if !t.take(namespace, n) {
			return nil, drop, noSlot{inText}
		}
		taken += n
		if errors.Is(err, io.EOF) {
			return all, drop, nil
		}
		if err != nil {
			return nil, drop, err
		}
	}
}

func (t *text) take(namespace string, n int64) bool {
	t.lock.Lock()
	defer t.lock.Unlock()
	if !t.shares.Fits(namespace, n, 1) {
		return false
	}
	if n > 0 {
		t.shares.Take(namespace, n)
	}
	return true
}

func (t *text) drop(namespace string, n int64) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if n > 0 {
		t.shares.GiveBack(namespace, n)
	}
}
