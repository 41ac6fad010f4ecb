package relay

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// bufferSize is how much is read at once.
const bufferSize = 32 << 10

// buffers are taken when there is something to read: connections that wait have none.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// source is the end of a connection that is read.
type source struct {
	raw    syscall.RawConn
	try    func(fd uintptr) bool
	buffer *[bufferSize]byte
	n      int
	err    error
}

func newSource(conn *net.TCPConn) (*source, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &source{raw: raw}
	s.try = s.read
	return s, nil
}

// read reads what there is; it is false where there is nothing yet.
func (s *source) read(fd uintptr) bool {
	s.buffer = buffers.Get().(*[bufferSize]byte)
	for {
		s.n, s.err = syscall.Read(int(fd), s.buffer[:])
		if !errors.Is(s.err, syscall.EINTR) {
			break
		}
	}
	if errors.Is(s.err, syscall.EAGAIN) {
		s.release()
		return false
	}
	return true
}

// next waits until there is something, or the end. What it returns is good until release.
func (s *source) next() ([]byte, error) {
	s.n, s.err = 0, nil
	if err := s.raw.Read(s.try); err != nil {
		return nil, err
	}
	switch {
	case s.err != nil:
		s.release()
		return nil, s.err
	case s.n == 0:
		s.release()
		return nil, io.EOF
	}
	return s.buffer[:s.n], nil
}

func (s *source) release() {
	buffers.Put(s.buffer)
	s.buffer = nil
}
