package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// terminal prints the story.
type terminal struct {
	out   io.Writer
	begun time.Time // of the story; zero before it
}

func (t *terminal) title(text string) {
	fmt.Fprintf(t.out, "\n━━ %s\n", text)
}

// say prints a line with the seconds since the story began.
func (t *terminal) say(format string, args ...any) {
	fmt.Fprintf(t.out, "%s  %s\n", t.clock(time.Now()), fmt.Sprintf(format, args...))
}

func (t *terminal) clock(at time.Time) string {
	if t.begun.IsZero() {
		return "       "
	}
	return fmt.Sprintf("%6.1fs", at.Sub(t.begun).Seconds())
}

// typed prints what the user typed, answered what came of it.
func (t *terminal) typed(command string) { t.say("$ %s", command) }

func (t *terminal) answered(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(t.out, "           %s\n", strings.TrimRight(line, "\n"))
	}
}

func (t *terminal) checked(what string) { t.say("✓ %s", what) }
