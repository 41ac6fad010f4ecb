package follow

import (
	"bytes"
	"strconv"
)

// framing is how the end of a message of HTTP/1 is known.
type framing int

const (
	noBody framing = iota
	byLength
	byChunks
	byClose // an answer that lasts until its connection is closed
	raw     // what follows is no HTTP/1 any more
)

// head is what the head of a message says that its end is known by.
type head struct {
	length  int64 // -1: it says none
	coded   bool  // there is a Transfer-Encoding
	chunked bool  // and its last one is chunked
	h2c     bool  // Upgrade names h2c
}

// side reads the messages of one direction. Each method of it is called in the order of the bytes.
type side interface {
	start(line []byte) error
	framing(head) (framing, error)
	body(n int)
	done()
}

// place is where in a message its reader is.
type place int

const (
	atStart place = iota
	inHead
	inBody
	atChunk
	inChunk
	afterChunk
	inTrailer
	untilClose
	unread
)

// maxLine is how much of a line is kept; what matters stands at the beginning of lines.
const maxLine = 512

// messages reads messages of HTTP/1, one after the other, in whatever pieces they come.
type messages struct {
	at   place
	line []byte // of a line that has come in part, cut to maxLine
	head head
	left int64 // of a body or a chunk
}

// read reads what was said. Where messages end before that, for something else follows, it returns the rest.
func (m *messages) read(said []byte, to side) ([]byte, error) {
	for len(said) > 0 {
		switch m.at {
		case inBody, inChunk:
			n := min(m.left, int64(len(said)))
			to.body(int(n))
			said, m.left = said[n:], m.left-n
			if m.left > 0 {
				return nil, nil
			}
			if m.at == inChunk {
				m.at = afterChunk
			} else {
				m.finish(to)
			}
		case untilClose:
			to.body(len(said))
			return nil, nil
		case unread:
			return said, nil
		default:
			line, rest, whole := m.nextLine(said)
			if said = rest; !whole {
				return nil, nil
			}
			if err := m.take(line, to); err != nil {
				return said, err
			}
		}
	}
	return nil, nil
}

// nextLine is the next line without its end, if all of it has come.
func (m *messages) nextLine(said []byte) (line, rest []byte, whole bool) {
	end := bytes.IndexByte(said, '\n')
	if end < 0 {
		m.line = append(m.line, said[:min(len(said), maxLine-len(m.line))]...)
		return nil, nil, false
	}
	line, rest = said[:end], said[end+1:]
	if len(m.line) > 0 {
		line = append(m.line, line[:min(len(line), maxLine-len(m.line))]...)
		m.line = line[:0]
	}
	return bytes.TrimSuffix(line, []byte("\r")), rest, true
}

// take takes the next line of what is made of lines.
func (m *messages) take(line []byte, to side) error {
	switch m.at {
	case atStart:
		if len(line) == 0 {
			return nil // some send one too many after a body
		}
		m.head, m.at = head{length: -1}, inHead
		return to.start(line)
	case inHead:
		if len(line) > 0 {
			return m.head.field(line)
		}
		return m.begin(to)
	case atChunk:
		digits := line
		if end := bytes.IndexAny(line, "; \t"); end >= 0 {
			digits = line[:end]
		}
		size, err := strconv.ParseInt(string(digits), 16, 64)
		if err != nil || size < 0 {
			return errUnread
		}
		if m.left, m.at = size, inChunk; size == 0 {
			m.at = inTrailer
		}
	case afterChunk:
		if len(line) > 0 {
			return errUnread
		}
		m.at = atChunk
	case inTrailer:
		if len(line) == 0 {
			m.finish(to)
		}
	}
	return nil
}

// begin begins the body, if there is one.
func (m *messages) begin(to side) error {
	how, err := to.framing(m.head)
	if err != nil {
		return err
	}
	switch how {
	case byLength:
		m.left, m.at = m.head.length, inBody
		if m.left == 0 {
			m.finish(to)
		}
	case byChunks:
		m.at = atChunk
	case byClose:
		m.at = untilClose
	case raw:
		m.at = unread
	default:
		m.finish(to)
	}
	return nil
}

func (m *messages) finish(to side) {
	m.at = atStart
	to.done()
}

// field takes what matters from a line of a head.
func (h *head) field(line []byte) error {
	end := bytes.IndexByte(line, ':')
	if end <= 0 || line[0] == ' ' || line[0] == '\t' {
		return nil // a line folded, or nothing that servers agree on
	}
	name, value := line[:end], bytes.TrimSpace(line[end+1:])
	switch len(name) {
	case len("Upgrade"):
		if bytes.EqualFold(name, []byte("Upgrade")) {
			h.h2c = bytes.EqualFold(value, []byte("h2c"))
		}
	case len("Content-Length"):
		if bytes.EqualFold(name, []byte("Content-Length")) {
			first, _, _ := bytes.Cut(value, []byte(",")) // one that says it twice says the same
			n, err := strconv.ParseUint(string(bytes.TrimSpace(first)), 10, 63)
			if err != nil || h.length >= 0 && h.length != int64(n) {
				return errUnread
			}
			h.length = int64(n)
		}
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			last := bytes.TrimSpace(value[bytes.LastIndexByte(value, ',')+1:])
			h.coded, h.chunked = true, bytes.EqualFold(last, []byte("chunked"))
		}
	}
	return nil
}
