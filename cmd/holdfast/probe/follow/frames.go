package follow

import "encoding/binary"

// Types of frames of HTTP/2 (RFC 9113, 6).
const (
	frameData         = 0
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePush         = 5
	frameGoAway       = 7
	frameContinuation = 9
)

// Flags of frames.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

// Codes of RST_STREAM (RFC 9113, 7).
const (
	resetRefused  = 0x7
	resetCancel   = 0x8
	resetCalm     = 0xb
	resetInsecure = 0xc
	resetUnknown  = 0xe // and above
)

// frame is the head of one.
type frame struct {
	length int
	kind   byte
	flags  byte
	stream uint32
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

// receiver is told of the frames of one direction.
type receiver interface {
	// fragment is a piece of fields, of a frame of headers, continuation or push.
	fragment(piece []byte) error
	// setting is one of a frame of settings.
	setting(id uint16, value uint32)
	// data are bytes of a body.
	data(n int)
	// whole is told when all of a frame has come; said is the last stream that a frame of kind GOAWAY lets live,
	// or the code that one of kind RST_STREAM gives.
	whole(f frame, said uint32) error
}

// frames reads frames in whatever pieces they come, and keeps no more of one than some bytes.
type frames struct {
	kept    [9]byte // the head of a frame, then what stands before its fields or one of its settings
	have    int
	reading bool // a frame, whose head is read
	frame   frame
	left    int // bytes of it to come, without its padding
	padding int
	want    int // bytes to keep before what follows is handed on
	begun   bool
	block   uint32 // the stream whose fields go on in the next frame
	said    uint32 // of the newest frame of kind GOAWAY or RST_STREAM
}

// read reads what was said.
func (r *frames) read(said []byte, to receiver) error {
	for len(said) > 0 {
		if !r.reading {
			said = r.keep(said, 9)
			if r.have < 9 {
				return nil
			}
			if err := r.head(); err != nil {
				return err
			}
		}
		var err error
		if said, err = r.payload(said, to); err != nil {
			return err
		}
		if r.left == 0 && r.padding == 0 && r.want == 0 {
			r.reading, r.have = false, 0
			if err := to.whole(r.frame, r.said); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep keeps what is missing to n bytes, and returns the rest.
func (r *frames) keep(said []byte, n int) []byte {
	taken := copy(r.kept[r.have:n], said)
	r.have += taken
	return said[taken:]
}

// head reads the head of a frame that was kept.
func (r *frames) head() error {
	length := binary.BigEndian.Uint32(r.kept[0:4]) >> 8
	r.frame = frame{
		length: int(length), kind: r.kept[3], flags: r.kept[4],
		stream: binary.BigEndian.Uint32(r.kept[5:9]) &^ (1 << 31),
	}
	f := r.frame
	if !r.begun && (f.kind != frameSettings || f.stream != 0) {
		return errUnread // both sides begin with settings
	}
	if r.begun = true; (r.block != 0) != (f.kind == frameContinuation) || r.block != 0 && r.block != f.stream {
		return errUnread // fields are not interrupted
	}
	r.reading, r.have, r.left, r.padding, r.want = true, 0, f.length, 0, 0
	switch f.kind {
	case frameHeaders, framePush, frameContinuation:
		if r.block = f.stream; f.has(flagEndHeaders) {
			r.block = 0
		}
	}
	switch {
	case f.kind == frameHeaders && f.has(flagPriority):
		r.want = 5
	case f.kind == framePush, f.kind == frameReset:
		r.want = 4
	case f.kind == frameGoAway:
		r.want = 8
	case f.kind == frameSettings && f.length > 0:
		r.want = 6
	}
	if f.has(flagPadded) && (f.kind == frameHeaders || f.kind == framePush) {
		r.want++
	}
	if r.want > f.length || f.kind == frameSettings && f.length%6 != 0 {
		return errUnread
	}
	return nil
}

// payload reads as much of the frame as there is, and returns the rest.
func (r *frames) payload(said []byte, to receiver) ([]byte, error) {
	if r.want > 0 {
		before := r.have
		said = r.keep(said, r.want)
		if r.left -= r.have - before; r.have < r.want {
			return nil, nil
		}
		if err := r.before(to); err != nil {
			return nil, err
		}
		if r.want > 0 { // another setting
			return said, nil
		}
	}
	piece := said[:min(r.left, len(said))]
	said, r.left = said[len(piece):], r.left-len(piece)
	switch {
	case len(piece) == 0:
	case r.frame.kind == frameData:
		to.data(len(piece))
	case r.frame.kind == frameHeaders, r.frame.kind == framePush, r.frame.kind == frameContinuation:
		if err := to.fragment(piece); err != nil {
			return nil, err
		}
	}
	if r.left == 0 {
		n := min(r.padding, len(said))
		said, r.padding = said[n:], r.padding-n
	}
	return said, nil
}

// before takes what stands before fields, or a setting.
func (r *frames) before(to receiver) error {
	kept := r.kept[:r.want]
	switch r.have, r.want = 0, 0; r.frame.kind {
	case frameSettings:
		if !r.frame.has(flagAck) {
			to.setting(binary.BigEndian.Uint16(kept), binary.BigEndian.Uint32(kept[2:]))
		}
		if r.left > 0 {
			r.want = 6
		}
	case frameGoAway:
		r.said = binary.BigEndian.Uint32(kept) &^ (1 << 31)
	case frameReset:
		r.said = binary.BigEndian.Uint32(kept)
	default:
		if r.frame.has(flagPadded) {
			if r.padding = int(kept[0]); r.padding > r.left {
				return errUnread
			}
			r.left -= r.padding
		}
	}
	return nil
}
