package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// size is how many bytes an answer has.
type size int

func (s size) String() string {
	if s >= 1<<20 {
		return fmt.Sprintf("%d MiB", s>>20)
	}
	return fmt.Sprintf("%d KiB", s>>10)
}

// client is one connection that is kept, on which requests are sent one after the other.
type client struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	size    size
}

func connect(ctx context.Context, port int, s size) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	return &client{
		conn: conn, reader: bufio.NewReaderSize(conn, 64<<10), size: s,
		request: fmt.Appendf(nil, "GET /%d HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n", s),
	}, nil
}

// ask sends a request and reads its answer.
func (c *client) ask() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err == nil && (answer.StatusCode != http.StatusOK || n != int64(c.size)) {
		err = fmt.Errorf("status %d with %d bytes", answer.StatusCode, n)
	}
	return err
}

// times are how long requests took.
type times []time.Duration

// quantile is that of them, which must be sorted.
func (t times) quantile(q float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[min(len(t)-1, int(q*float64(len(t))))]
}

// steady sends rate requests a second for a while, spread evenly over connections, each when it is due.
func steady(ctx context.Context, port, connections, rate int, s size, lasts time.Duration) (times, error) {
	taken := make([]times, connections)
	err := each(ctx, port, connections, s, func(i int, c *client) error {
		every := time.Second * time.Duration(connections) / time.Duration(rate)
		begin := time.Now().Add(every * time.Duration(i) / time.Duration(connections))
		for due := begin; due.Sub(begin) < lasts; due = due.Add(every) {
			time.Sleep(time.Until(due))
			from := time.Now()
			if err := c.ask(); err != nil {
				return err
			}
			taken[i] = append(taken[i], time.Since(from))
		}
		return nil
	})
	all := slices.Concat(taken...)
	slices.Sort(all)
	return all, err
}

// busy sends requests as fast as they are answered, for a while, and returns how many.
func busy(ctx context.Context, port, connections int, s size, lasts time.Duration) (int, error) {
	counts := make([]int, connections)
	until := time.Now().Add(lasts)
	err := each(ctx, port, connections, s, func(i int, c *client) error {
		for time.Now().Before(until) {
			if err := c.ask(); err != nil {
				return err
			}
			counts[i]++
		}
		return nil
	})
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, err
}

// each has every one of some connections used at once.
func each(ctx context.Context, port, connections int, s size, use func(int, *client) error) error {
	errs := make([]error, connections)
	var all sync.WaitGroup
	for i := range connections {
		c, err := connect(ctx, port, s)
		if err != nil {
			return errors.Join(err, errors.Join(errs...))
		}
		all.Go(func() {
			defer c.conn.Close()
			errs[i] = use(i, c)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
