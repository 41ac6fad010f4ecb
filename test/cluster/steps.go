package cluster

import (
	"fmt"
	"io"
	"time"
)

// steps tells how long each step of a start has taken.
type steps struct {
	out     io.Writer
	current string
	began   time.Time
}

func newSteps(out io.Writer) *steps { return &steps{out: out} }

// begin ends the step before.
func (s *steps) begin(what string) {
	s.end()
	s.current, s.began = what, time.Now()
}

func (s *steps) end() {
	if s.current != "" {
		fmt.Fprintf(s.out, "%6.1fs  %s\n", time.Since(s.began).Seconds(), s.current)
	}
	s.current = ""
}
