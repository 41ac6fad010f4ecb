package build

import (
	"fmt"
	"io"
	"time"
)

// quiet is how long work may take before anyone is told of it.
const quiet = 3 * time.Second

// watched says what work has begun, every 15 seconds that it still goes on, and when it has ended.
// Work that is quick is not worth a line.
func watched(progress io.Writer, label string, work func() error) error {
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- work() }()
	told := false
	for wait := time.After(quiet); ; {
		select {
		case err := <-done:
			if told && err == nil {
				fmt.Fprintf(progress, "    done in %s\n", time.Since(began).Round(time.Second))
			}
			return err
		case <-wait:
			if told {
				fmt.Fprintf(progress, "    … %s\n", time.Since(began).Round(time.Second))
			} else {
				fmt.Fprintf(progress, "%s\n", label)
			}
			told = true
			wait = time.After(15 * time.Second)
		}
	}
}
