package agent

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// logQuery is what `kubectl logs` asked for.
type logQuery struct {
	follow, previous, timestamps bool
	// tail and limit are -1 for all.
	tail, limit int64
	since       time.Time
}

func parseLogQuery(values url.Values, now time.Time) (logQuery, error) {
	q := logQuery{
		follow:     values.Get("follow") == "true",
		previous:   values.Get("previous") == "true",
		timestamps: values.Get("timestamps") == "true",
	}
	var err error
	if q.tail, err = strconv.ParseInt(cmp.Or(values.Get("tailLines"), "-1"), 10, 64); err != nil {
		return q, fmt.Errorf("tailLines: %w", err)
	}
	if q.limit, err = strconv.ParseInt(cmp.Or(values.Get("limitBytes"), "-1"), 10, 64); err != nil {
		return q, fmt.Errorf("limitBytes: %w", err)
	}
	if seconds := values.Get("sinceSeconds"); seconds != "" {
		n, err := strconv.Atoi(seconds)
		if err != nil {
			return q, fmt.Errorf("sinceSeconds: %w", err)
		}
		q.since = now.Add(-time.Duration(n) * time.Second)
	}
	if at := values.Get("sinceTime"); at != "" {
		if q.since, err = time.Parse(time.RFC3339, at); err != nil {
			return q, fmt.Errorf("sinceTime: %w", err)
		}
	}
	return q, nil
}

// serveLogs answers `kubectl logs`.
func (a *Agent) serveLogs(w http.ResponseWriter, r *http.Request) {
	query, err := parseLogQuery(r.URL.Query(), time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c, err := a.container(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	c.pod.mu.Lock()
	log, state := c.output, c.status.State
	if query.previous {
		log = c.earlier
	}
	c.pod.mu.Unlock()
	if log == nil {
		message := fmt.Sprintf("container %q in pod %q is waiting to start", c.spec.Name, c.pod.name)
		if query.previous {
			message = fmt.Sprintf("previous terminated container %q in pod %q not found", c.spec.Name, c.pod.name)
		} else if state.Waiting != nil {
			message += ": " + state.Waiting.Reason
		}
		http.Error(w, message, http.StatusBadRequest)
		return
	}
	if err := log.copyTo(r.Context(), w, query); err != nil && !errors.Is(err, io.ErrShortWrite) && r.Context().Err() == nil {
		a.Log.Warn("log not sent whole", "path", log.path, "error", err)
	}
}

// copyTo writes the lines that were asked for, and goes on with new ones if that was asked too,
// until the container ends.
func (l *outputLog) copyTo(ctx context.Context, w io.Writer, query logQuery) error {
	file, err := os.Open(l.path)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer file.Close()
	if query.limit >= 0 {
		w = &limited{w: w, left: query.limit}
	}
	lines := bufio.NewReader(file)
	more, ended := l.news()
	old, err := readLines(lines)
	if err != nil {
		return err
	}
	for _, line := range query.pick(old) {
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
	}
	for query.follow && !ended {
		flush(w)
		select {
		case <-ctx.Done():
			return nil
		case <-more:
		}
		more, ended = l.news()
		fresh, err := readLines(lines)
		if err != nil {
			return err
		}
		for _, line := range fresh {
			if _, err := io.WriteString(w, query.render(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// readLines reads what is there; the log is written in whole lines.
func readLines(from *bufio.Reader) ([]string, error) {
	var lines []string
	for {
		line, err := from.ReadString('\n')
		if line != "" {
			lines = append(lines, line)
		}
		if err == io.EOF {
			return lines, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
	}
}

// pick leaves the lines after since, of them the last, rendered.
func (q logQuery) pick(lines []string) []string {
	var picked []string
	for _, line := range lines {
		stamp, _, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err == nil && at.Before(q.since) {
			continue
		}
		picked = append(picked, q.render(line))
	}
	if q.tail >= 0 && int64(len(picked)) > q.tail {
		picked = picked[int64(len(picked))-q.tail:]
	}
	return picked
}

// render takes off what the container did not write, except the time if that was asked for.
func (q logQuery) render(line string) string {
	parts := strings.SplitN(line, " ", 4)
	if len(parts) < 4 {
		return line
	}
	if q.timestamps {
		return parts[0] + " " + parts[3]
	}
	return parts[3]
}

// limited passes so many bytes on and then says that the end has come.
type limited struct {
	w    io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	if int64(len(p)) > l.left {
		n, _ := l.w.Write(p[:l.left])
		l.left = 0
		return n, io.ErrShortWrite
	}
	l.left -= int64(len(p))
	return l.w.Write(p)
}

func flush(w io.Writer) {
	if l, ok := w.(*limited); ok {
		w = l.w
	}
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
