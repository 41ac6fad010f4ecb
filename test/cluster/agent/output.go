package agent

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// outputLog keeps what one run of a container wrote, one line after another with its time and
// stream, in the format of the container runtime interface: `<time> <stream> F <line>`.
type outputLog struct {
	path string
	// stdout and stderr are the container's ends of the pipes.
	stdout, stderr *os.File

	mu      sync.Mutex
	file    *os.File
	writers int
	// more is closed and replaced at every line; closed and left when the container has ended.
	more  chan struct{}
	ended bool
}

// openOutput makes the log of the container's next run; the present one becomes the earlier.
func (c *container) openOutput() (*outputLog, error) {
	p := c.pod
	dir := filepath.Join(p.agent.Logs, p.namespace+"_"+p.name+"_"+string(p.uid), c.spec.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make log folder: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list log folder: %w", err)
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.log", len(entries))))
	if err != nil {
		return nil, fmt.Errorf("make log: %w", err)
	}
	log := &outputLog{path: file.Name(), file: file, writers: 2, more: make(chan struct{})}
	for name, end := range map[string]**os.File{"stdout": &log.stdout, "stderr": &log.stderr} {
		out, in, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("open pipe for %s: %w", name, err)
		}
		*end = in
		go log.collect(name, out)
	}
	p.mu.Lock()
	c.earlier, c.output = c.output, log
	p.mu.Unlock()
	return log, nil
}

// handedOver closes the container's ends here, so that the log ends with the container.
func (l *outputLog) handedOver() {
	l.stdout.Close()
	l.stderr.Close()
}

// collect copies one stream line by line.
func (l *outputLog) collect(stream string, from io.ReadCloser) {
	defer from.Close()
	lines := bufio.NewReaderSize(from, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			if line[len(line)-1] != '\n' {
				line += "\n"
			}
			l.write(stream, line)
		}
		if err != nil {
			l.closeOne()
			return
		}
	}
}

func (l *outputLog) write(stream, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.file, "%s %s F %s", time.Now().UTC().Format(time.RFC3339Nano), stream, line)
	close(l.more)
	l.more = make(chan struct{})
}

func (l *outputLog) closeOne() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.writers--; l.writers == 0 {
		l.file.Close()
		l.ended = true
		close(l.more)
	}
}

// awaitEnd returns when the last words of a container that has exited are in the log. Its pipes
// close with it.
func (l *outputLog) awaitEnd() {
	limit := time.After(time.Second)
	for more, ended := l.news(); !ended; more, ended = l.news() {
		select {
		case <-more:
		case <-limit:
			return
		}
	}
}

// news returns a channel that is closed when there is more to read, and whether the log is complete.
func (l *outputLog) news() (<-chan struct{}, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.more, l.ended
}
