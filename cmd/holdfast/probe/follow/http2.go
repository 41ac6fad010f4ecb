package follow

import (
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	settingTableSize = 1
	// tableSize is how large tables of fields are that nobody has said anything about.
	tableSize = 4096
	// maxTable is how large they may be here, whatever is agreed on: an application that goes beyond is not read
	// on.
	maxTable = 64 << 10
	// maxField is the longest field that is read.
	maxField = 128 << 10
	// maxStreams is how many requests may be under way on one connection.
	maxStreams = 10000
	// jitter is how much earlier than its grpc-timeout says a client may seem to go when the time has passed:
	// what a request is delayed by on its way here, and the word of its end is not. It is a tenth of short
	// timeouts.
	jitter = 100 * time.Millisecond
)

// stream is a request under way.
type stream struct {
	began   time.Time
	timeout time.Duration // that its client waits for an answer of gRPC; 0 is for ever
	grpc    bool
	status  GRPCStatus
	code    int // of the answer, when its head has come
}

// fields is what matters of a head, or of trailers.
type fields struct {
	code    int
	grpc    bool
	status  GRPCStatus
	timeout time.Duration
}

// http2 reads streams, from frames of both directions.
type http2 struct {
	observer Observer
	streams  map[uint32]stream
	last     uint32 // the newest stream of the client
	spared   uint32 // the last stream that the application still answers, when it has said that it goes away
	leaving  bool
	now      time.Time
	greeting int // how much of the preface has been read
	requests requestFrames
	answers  answerFrames
}

// way is what both directions have in common.
type way struct {
	*http2
	frames  frames
	decoder *hpack.Decoder
	fields  fields
	end     bool // the frame that began the fields ends the stream
	pushed  bool // they are of a request that the application makes up
}

type requestFrames struct{ way }

type answerFrames struct{ way }

func newHTTP2(observer Observer) *http2 {
	h := &http2{observer: observer, streams: map[uint32]stream{}}
	h.requests.prepare(h)
	h.answers.prepare(h)
	return h
}

func (w *way) prepare(h *http2) {
	w.http2 = h
	w.decoder = hpack.NewDecoder(tableSize, w.fields.take)
	w.decoder.SetMaxStringLength(maxField)
}

func (h *http2) client(said []byte, now time.Time) error {
	h.now = now
	if n := min(len(preface)-h.greeting, len(said)); n > 0 {
		if string(said[:n]) != preface[h.greeting:h.greeting+n] {
			return errUnread
		}
		h.greeting += n
		said = said[n:]
	}
	return h.requests.frames.read(said, &h.requests)
}

func (h *http2) application(said []byte, now time.Time) error {
	h.now = now
	return h.answers.frames.read(said, &h.answers)
}

// take takes what matters of a field.
func (f *fields) take(field hpack.HeaderField) {
	switch field.Name {
	case ":status":
		f.code = 0
		for _, c := range field.Value {
			f.code = 10*f.code + int(c-'0')
		}
		if len(field.Value) != 3 || f.code < 100 || f.code > 999 {
			f.code = 0
		}
	case "content-type":
		f.grpc = isGRPC(field.Value)
	case "grpc-status":
		f.status = grpcStatus(field.Value)
	case "grpc-timeout":
		f.timeout = grpcTimeout(field.Value)
	}
}

func (w *way) fragment(piece []byte) error {
	_, err := w.decoder.Write(piece)
	return err
}

// opened says whether the frame completes fields.
func (w *way) opened(f frame) (bool, error) {
	switch f.kind {
	case frameHeaders, framePush:
		w.end, w.pushed = f.has(flagEndStream) && f.kind == frameHeaders, f.kind == framePush
	case frameContinuation:
	default:
		return false, nil
	}
	if !f.has(flagEndHeaders) {
		return false, nil
	}
	return true, w.decoder.Close()
}

// allow lets the other side's fields have a table of the size that this one offers.
func allow(decoder *hpack.Decoder, id uint16, value uint32) {
	if id == settingTableSize {
		decoder.SetAllowedMaxDynamicTableSize(max(tableSize, min(value, maxTable)))
	}
}

func (r *requestFrames) setting(id uint16, value uint32) { allow(r.answers.decoder, id, value) }

func (r *requestFrames) data(n int) { r.observer.Carried(In, n) }

func (r *requestFrames) whole(f frame, _ uint32) error {
	if f.kind == frameReset {
		r.close(f.stream, ClientLeft)
		return nil
	}
	is, err := r.opened(f)
	if !is || err != nil {
		return err
	}
	said := r.fields
	r.fields = fields{}
	if f.stream <= r.last { // trailers
		return nil
	}
	if len(r.streams) == maxStreams || f.stream%2 == 0 {
		return errUnread
	}
	r.last = f.stream
	r.streams[f.stream] = stream{began: r.now, grpc: said.grpc, timeout: said.timeout}
	r.observer.Began()
	return nil
}

func (a *answerFrames) setting(id uint16, value uint32) { allow(a.requests.decoder, id, value) }

func (a *answerFrames) data(n int) { a.observer.Carried(Out, n) }

func (a *answerFrames) whole(f frame, told uint32) error {
	switch f.kind {
	case frameReset:
		a.broken(f.stream, grpcReset(told))
		return nil
	case frameGoAway:
		a.leaving, a.spared = true, told
		return nil
	case frameData:
		if f.has(flagEndStream) {
			a.close(f.stream, ApplicationClosed)
		}
		return nil
	}
	is, err := a.opened(f)
	if !is || err != nil {
		return err
	}
	said := a.fields
	a.fields = fields{}
	s, known := a.streams[f.stream]
	if !known || a.pushed || interim(said.code) {
		return nil
	}
	if said.code != 0 && s.code == 0 {
		s.code, s.grpc = said.code, s.grpc || said.grpc
	}
	if said.status != NoGRPC {
		s.status = said.status
	}
	a.streams[f.stream] = s
	if a.end {
		a.close(f.stream, ApplicationClosed)
	}
	return nil
}

// close ends a stream that is under way.
func (h *http2) close(id uint32, how Ending) {
	if s, known := h.remove(id); known {
		h.observer.Ended(s.outcome(how, GRPCUnavailable, h.now.Sub(s.began)))
	}
}

// broken ends a stream that the application resets, which clients of gRPC take for status.
func (h *http2) broken(id uint32, status GRPCStatus) {
	if s, known := h.remove(id); known {
		h.observer.Ended(s.outcome(ApplicationBroke, status, h.now.Sub(s.began)))
	}
}

func (h *http2) remove(id uint32) (s stream, known bool) {
	s, known = h.streams[id]
	delete(h.streams, id)
	return s, known
}

// outcome is what becomes of a stream that ends; broken is the status where the application broke it.
func (s stream) outcome(how Ending, broken GRPCStatus, took time.Duration) Request {
	r := Request{Code: s.code, Took: took}
	late := s.timeout > 0 && took >= s.timeout-min(s.timeout/10, jitter)
	switch how {
	case ApplicationClosed:
		if r.GRPC = s.status; r.GRPC == NoGRPC {
			r.GRPC = GRPCUnknown // as clients take an answer of gRPC that has none
		}
	case ApplicationBroke:
		r.Code, r.GRPC = badGateway, broken
	default:
		r.GRPC = GRPCCancelled
	}
	switch {
	case !s.grpc:
		r.GRPC = NoGRPC
	case late && r.GRPC == GRPCCancelled && how != ApplicationClosed:
		// Both sides count the time, and whoever is first cancels. To the client it is the same.
		r.Code, r.GRPC = s.code, GRPCDeadlineExceeded
	}
	return r
}

// end ends what is under way.
func (h *http2) end(how Ending, now time.Time) {
	h.now = now
	for id := range h.streams {
		to := how
		switch {
		case how == ClientLeft, how == Stopped:
		case h.leaving && id > h.spared:
			to = Stopped // it was told so, and asks elsewhere
		default:
			to = ApplicationBroke
		}
		h.close(id, to)
	}
}
