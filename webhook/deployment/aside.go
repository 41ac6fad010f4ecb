package deployment

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// aside does something beside what else is done for a request: mostly it asks the API server
// while another answer is waited for. What it returns waits for what comes of it; that need not
// be called, and a panic is that of whoever does.
func aside[T any](do func() T) (wait func() T) {
	type outcome struct {
		value    T
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		var out outcome
		defer func() {
			if p := recover(); p != nil {
				out.panicked = fmt.Sprintf("%v\n%s", p, debug.Stack())
			}
			done <- out
		}()
		out.value = do()
	}()
	return sync.OnceValue(func() T {
		out := <-done
		if out.panicked != nil {
			panic(out.panicked)
		}
		return out.value
	})
}
